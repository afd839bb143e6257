import { createExecutionContext, createMessageBatch, getQueueResult } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { consume } from '../../worker/queue/consume.ts';
import { MAX_WAIT_MS, type TelemetryMessage } from '../../worker/telemetry/message.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const DAY_MS = 86_400_000;
const SECRET = 'a secret garden at night';

let logged: unknown[][];
beforeEach(() => {
  logged = [];
  vi.spyOn(console, 'error').mockImplementation((...line) => void logged.push(line));
});
afterEach(() => vi.restoreAllMocks());

const message = (received: number): TelemetryMessage => ({
  site: 'pk_page',
  received,
  batch: { batch: crypto.randomUUID(), events: [{ event: 'view', age_ms: 60_000 }] },
});

async function deliver(queue: string, body: unknown, bindings = env) {
  const id = crypto.randomUUID();
  const batch = createMessageBatch<unknown>(queue, [{ id, timestamp: new Date(NOW), attempts: 1, body }]);
  const context = createExecutionContext();
  await consume(() => NOW)(batch, bindings);
  const { explicitAcks, retryMessages } = await getQueueResult(batch, context);
  return { id, acknowledged: explicitAcks.includes(id), retried: retryMessages.length === 1 };
}

const deadLetter = (id: string) => env.DB.prepare('SELECT * FROM telemetry_dead WHERE id = ?1').bind(id).first();
const eventsOf = async ({ batch: { batch } }: TelemetryMessage) =>
  (await env.DB.prepare('SELECT at FROM telemetry_events WHERE batch = ?1').bind(batch).all<{ at: number }>()).results;

const view = { event: 'view', age_ms: 0 };
const broken = [
  { what: 'nothing', body: null, reason: /^The message: expected Object$/ },
  { what: 'no batch', body: { site: 'pk_page', received: NOW }, reason: /^batch: expected "batch"$/ },
  { what: 'a prompt as an event', event: { ...view, event: SECRET }, reason: /^batch\.events\.0\.event: expected \("view" \| / },
  { what: 'a prompt beside', event: { ...view, prompt: SECRET }, reason: /^batch\.events\.0\.prompt: expected never$/ },
  { what: 'a prompt as an id', event: { ...view, subject: SECRET }, reason: /^batch\.events\.0\.subject: expected / },
  { what: 'a time before 1970', body: { ...message(0), received: -1 }, reason: /^received: expected >=0$/ },
];

test.for(broken)('$what is tried again, then kept with the reason and without its content', async ({ body, event, reason }) => {
  const sent = event ? { site: 'pk_page', received: NOW, batch: { batch: crypto.randomUUID(), events: [event] } } : body;
  expect(await deliver('diptych-telemetry', sent)).toMatchObject({ acknowledged: false, retried: true });
  const { id, acknowledged } = await deliver('diptych-telemetry-dead', sent);
  expect(acknowledged).toBe(true);
  const kept = await deadLetter(id);
  expect(kept).toEqual({ id, died: NOW, reason: expect.stringMatching(reason), site: null, body: null });
  expect(logged).toHaveLength(2);
  expect(JSON.stringify([kept, logged.map(String)])).not.toContain(SECRET);
});

test.for([
  { what: 'that waited too long', received: NOW - MAX_WAIT_MS - 1, reason: /ms ago, the limit is 345600000$/ },
  { what: 'of the future', received: NOW + DAY_MS, reason: /^received: 86400000 ms in the future$/ },
])('a message $what is not counted, and kept whole', async ({ received, reason }) => {
  const sent = message(received);
  expect(await deliver('diptych-telemetry', sent)).toMatchObject({ retried: true });
  const { id } = await deliver('diptych-telemetry-dead', sent);
  expect(await deadLetter(id)).toMatchObject({ reason: expect.stringMatching(reason), site: 'pk_page', body: JSON.stringify(sent) });
  expect(await eventsOf(sent)).toEqual([]);
});

test('a clock that is a little ahead puts no event into the future', async () => {
  const sent = message(NOW + 120_000);
  expect(await deliver('diptych-telemetry', sent)).toMatchObject({ acknowledged: true });
  expect(await eventsOf(sent)).toEqual([{ at: NOW - 60_000 }]);
});

test('the oldest event that is counted is five days old', async () => {
  const { batch, ...rest } = message(NOW - MAX_WAIT_MS);
  const sent = { ...rest, batch: { ...batch, events: [{ event: 'view', age_ms: DAY_MS } as const] } };
  expect(await deliver('diptych-telemetry', sent)).toMatchObject({ acknowledged: true });
  expect(await eventsOf(sent)).toEqual([{ at: NOW - 5 * DAY_MS }]);
});

test('a dead letter that can be counted by now is', async () => {
  const sent = message(NOW);
  const { id, acknowledged } = await deliver('diptych-telemetry-dead', sent);
  expect(acknowledged).toBe(true);
  expect(await eventsOf(sent)).toHaveLength(1);
  expect(await deadLetter(id)).toBeNull();
});

test('a message that the database refuses is kept whole, with what the database said', async () => {
  const sent = message(NOW);
  const batch = () => Promise.reject(new Error('D1_ERROR: UNIQUE constraint failed: telemetry_events.position'));
  const DB = { prepare: env.DB.prepare.bind(env.DB), batch } as unknown as D1Database;
  const { id, acknowledged } = await deliver('diptych-telemetry-dead', sent, { ...env, DB });
  expect(acknowledged).toBe(true);
  expect(await deadLetter(id)).toMatchObject({ reason: expect.stringContaining('UNIQUE constraint'), body: JSON.stringify(sent) });
});

test('while it cannot be kept, it stays in the queue', async () => {
  const away = () => {
    throw new Error('D1_ERROR: no database');
  };
  const DB = { prepare: away, batch: away } as unknown as D1Database;
  expect(await deliver('diptych-telemetry-dead', message(NOW), { ...env, DB })).toMatchObject({ acknowledged: false, retried: true });
});

test('a message that the database refuses does not keep its neighbours from being counted', async () => {
  await env.DB.prepare(
    "CREATE TRIGGER refuse BEFORE INSERT ON telemetry_events WHEN NEW.code = 'internal' BEGIN SELECT RAISE(ABORT, 'no'); END",
  ).run();
  const [one, refused, other] = [message(NOW), message(NOW), message(NOW)];
  refused.batch.events = [
    { event: 'view', age_ms: 0 },
    { event: 'generate_error', age_ms: 0, code: 'internal' },
  ];
  const sent = [one, refused, other].map((body, i) => ({ id: String(i), timestamp: new Date(NOW), attempts: 1, body }));
  const batch = createMessageBatch('diptych-telemetry', sent);
  const context = createExecutionContext();
  await consume(() => NOW)(batch, env);
  const { explicitAcks, retryMessages } = await getQueueResult(batch, context);
  expect([explicitAcks, retryMessages.map(({ msgId }) => msgId)]).toEqual([['0', '2'], ['1']]);
  expect(await Promise.all([one, refused, other].map(async (sent) => (await eventsOf(sent)).length))).toEqual([1, 0, 1]);
  // What the transaction had written before it was refused went back with it.
  const { batch: id } = refused.batch;
  expect(await env.DB.prepare('SELECT 1 FROM telemetry_batches WHERE batch = ?1').bind(id).first()).toBeNull();
  await env.DB.prepare('DROP TRIGGER refuse').run();
});

test('without the migration it says what to run', async () => {
  const batch = () => Promise.reject(new Error('D1_ERROR: no such table: telemetry_hours: SQLITE_ERROR'));
  const DB = { prepare: env.DB.prepare.bind(env.DB), batch } as unknown as D1Database;
  expect(await deliver('diptych-telemetry', message(NOW), { ...env, DB })).toMatchObject({ retried: true });
  expect(logged.map(([line]) => JSON.parse(String(line)) as object)).toEqual([
    expect.objectContaining({ event: 'write_failed', code: 'edge_not_ready' }),
  ]);
});

test('through the real queues: a poison message ends among the dead letters, its neighbours are counted', async () => {
  const sent = message(Date.now());
  await env.TELEMETRY.sendBatch([{ body: { site: 'pk_page', poison: SECRET } }, { body: sent }]);
  const dead = () => env.DB.prepare("SELECT reason, body FROM telemetry_dead WHERE reason LIKE 'received%expected%received%'").all();
  await vi.waitFor(async () => expect((await dead()).results).toEqual([{ reason: 'received: expected "received"', body: null }]), {
    timeout: 40_000,
    interval: 250,
  });
  expect(await eventsOf(sent)).toHaveLength(1);
}, 45_000);
