import { createExecutionContext, createMessageBatch, getQueueResult } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, test, vi } from 'vitest';
import { TELEMETRY_COLUMNS, TELEMETRY_EVENTS, type TelemetryBatch, type TelemetryEvent } from '../../shared/telemetry.ts';
import worker from '../../worker/index.ts';
import type { TelemetryMessage } from '../../worker/telemetry/message.ts';
import { HISTOGRAM_KEYS, HISTOGRAM_TOTALS, HOUR_KEYS, HOUR_TOTALS } from '../../worker/telemetry/roll-up.ts';
import { EDGE, problemOf, fetchEdge } from './fetch-edge.ts';
import { insertSite } from './store-fixture.ts';

const ORIGIN = 'https://page.example';
await insertSite('pk_page', [ORIGIN]);
await insertSite('pk_twin', [ORIGIN]);

const RECEIVED = Date.now() - 3_600_000;

const COMPLETE: TelemetryEvent = {
  event: 'generate_complete',
  age_ms: 1500,
  duration_ms: 20_000,
  bytes: 3_000_000_000,
  cached_bytes: 0,
  backend: 'webgpu',
  gpu_vendor: 'nvidia',
  gpu_architecture: 'ada-lovelace',
  model: 'sd15',
  subject: 'pip',
  style: 'knit',
  rule: 'kl',
  steps: 20,
  subject_share: 0.25,
  guidance: 0.05,
  score_subject: 0.62,
  score_style: 0.71,
  load_ms: 9_000,
  step_p50_ms: 412.5,
  step_p95_ms: 470,
};

function send(body: unknown, { site = 'pk_page', headers = { origin: ORIGIN } as Record<string, string> } = {}): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return fetchEdge(`/v1/telemetry?site=${site}`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain;charset=UTF-8', ...headers },
    body: text,
  });
}

async function rows(batch: string): Promise<Record<string, unknown>[]> {
  const query = env.DB.prepare('SELECT * FROM telemetry_events WHERE batch = ?1 ORDER BY site, position').bind(batch);
  return (await query.all()).results;
}

async function deliver(...bodies: TelemetryMessage[]) {
  const messages = bodies.map((body, index) => ({ id: String(index), timestamp: new Date(0), attempts: 1, body }));
  const batch = createMessageBatch<TelemetryMessage>('diptych-telemetry', messages);
  const context = createExecutionContext();
  await worker.queue(batch, env);
  return getQueueResult(batch, context);
}

test('through the queue into the database', async () => {
  const batch = crypto.randomUUID();
  const before = Date.now();
  const response = await send({ batch, events: [{ event: 'view', age_ms: 0 }, COMPLETE] });
  expect([response.status, await response.text()]).toEqual([202, '']);
  const written = await vi.waitFor(
    async () => {
      const found = await rows(batch);
      expect(found).toHaveLength(2);
      return found;
    },
    { timeout: 10_000, interval: 100 },
  );
  const { age_ms: age, ...columns } = COMPLETE;
  expect(written[1]).toEqual({ site: 'pk_page', batch, position: 1, at: expect.any(Number), code: null, ...columns });
  expect(written[0]).toMatchObject({ event: 'view', position: 0, bytes: null, subject_share: null, guidance: null, score_subject: null });
  expect(written[0]!['at']).toBeGreaterThanOrEqual(before);
  expect(Number(written[0]!['at']) - Number(written[1]!['at'])).toBe(age);
}, 15_000);

test('the same batch twice: rows once', async () => {
  const batch: TelemetryBatch = { batch: crypto.randomUUID(), events: [COMPLETE, { event: 'cancel', age_ms: 0 }] };
  const message = { site: 'pk_page', received: RECEIVED, batch };
  const longer = { ...message, batch: { ...batch, events: [...batch.events, COMPLETE] } };
  const result = await deliver(message, message, longer);
  await deliver(message);
  expect(result.explicitAcks).toEqual(['0', '1', '2']);
  expect(await rows(batch.batch)).toHaveLength(2);
  const batches = await env.DB.prepare('SELECT * FROM telemetry_batches WHERE batch = ?1').bind(batch.batch).all();
  expect(batches.results).toEqual([{ site: 'pk_page', batch: batch.batch, received: RECEIVED }]);
  // One site cannot use up another's batch names.
  await deliver({ ...message, site: 'pk_twin' });
  expect((await rows(batch.batch)).map((row) => row['site'])).toEqual(['pk_page', 'pk_page', 'pk_twin', 'pk_twin']);
});

test('a batch of 100 full events is one statement', async () => {
  const batch = { batch: crypto.randomUUID(), events: Array.from({ length: 100 }, (_, index) => ({ ...COMPLETE, steps: index + 1 })) };
  await deliver({ site: 'pk_page', received: RECEIVED, batch });
  expect((await rows(batch.batch)).map((row) => row['steps'])).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
});

test('the table has exactly the columns of the schema', async () => {
  const info = await env.DB.prepare('PRAGMA table_info(telemetry_events)').all<{ name: string; type: string }>();
  const own = { site: 'TEXT', batch: 'TEXT', position: 'INTEGER', at: 'INTEGER' };
  const columns = Object.entries(TELEMETRY_COLUMNS).map(([name, { sql }]) => [name, sql]);
  expect(info.results.map(({ name, type }) => [name, type])).toEqual([...Object.entries(own), ...columns]);
});

test('the roll-ups have exactly the columns that derive from the schema', async () => {
  const tables = { telemetry_hours: [...HOUR_KEYS, ...HOUR_TOTALS], telemetry_histograms: [...HISTOGRAM_KEYS, ...HISTOGRAM_TOTALS] };
  for (const [table, columns] of Object.entries(tables)) {
    const info = await env.DB.prepare(`PRAGMA table_info(${table})`).all<{ name: string }>();
    expect(info.results.map(({ name }) => name).toSorted()).toEqual(['site', ...columns].toSorted());
  }
});

test('who asks not to be counted is answered as all are, and is not recorded', async () => {
  const signals: Record<string, string>[] = [{ 'sec-gpc': '1' }, { dnt: '1' }, { dnt: '0', 'sec-gpc': '0' }];
  const batches = signals.map((signal) => ({ signal, batch: crypto.randomUUID() }));
  for (const { signal, batch } of batches) {
    const response = await send({ batch, events: [{ event: 'view', age_ms: 0 }] }, { headers: { origin: ORIGIN, ...signal } });
    expect([response.status, await response.text()]).toEqual([202, '']);
  }
  // The queue keeps the order: the last is there when all are.
  await vi.waitFor(async () => expect(await rows(batches[2]!.batch)).toHaveLength(1), { timeout: 10_000, interval: 100 });
  for (const { batch } of batches.slice(0, 2)) expect(await rows(batch)).toEqual([]);
}, 15_000);

test.for(TELEMETRY_EVENTS)('%s is taken, as text/plain and as JSON', async (event) => {
  const batch = () => ({ batch: crypto.randomUUID(), events: [{ event, age_ms: 0 }] });
  for (const type of ['text/plain;charset=UTF-8', 'application/json']) {
    const response = await send(batch(), { headers: { origin: EDGE, 'content-type': type } });
    expect(response.status).toBe(202);
  }
});

describe('refused', () => {
  const id = '0f8fad5b-d9cb-469f-a165-70867728950e';
  const view = { event: 'view', age_ms: 0 };
  test.for([
    { what: 'no JSON', body: 'view', field: 'not JSON' },
    { what: 'no batch', body: { events: [view] }, field: 'batch' },
    { what: 'a batch id that is no UUID', body: { batch: 'visitor-17', events: [view] }, field: 'batch' },
    { what: 'no events', body: { batch: id, events: [] }, field: 'events' },
    { what: '101 events', body: { batch: id, events: Array.from({ length: 101 }, () => view) }, field: 'events' },
    { what: 'an unknown event', body: { batch: id, events: [{ ...view, event: 'click' }] }, field: 'events.0.event' },
    { what: 'no age', body: { batch: id, events: [{ event: 'view' }] }, field: 'events.0.age_ms' },
    { what: 'an age in the future', body: { batch: id, events: [{ ...view, age_ms: -1 }] }, field: 'events.0.age_ms' },
    { what: 'a prompt', body: { batch: id, events: [{ ...view, prompt: 'a pip creature' }] }, field: 'events.0.prompt' },
    { what: 'a visitor id', body: { batch: id, visitor: 'x', events: [view] }, field: 'visitor' },
    { what: 'free text as an id', body: { batch: id, events: [{ ...view, subject: 'A pip creature' }] }, field: 'events.0.subject' },
    { what: 'free text as a GPU', body: { batch: id, events: [{ ...view, gpu_vendor: 'My very own GPU' }] }, field: 'events.0.gpu_vendor' },
    { what: 'an unknown code', body: { batch: id, events: [{ ...view, code: 'oops' }] }, field: 'events.0.code' },
    { what: 'a share above 1', body: { batch: id, events: [{ ...view, subject_share: 1.01 }] }, field: 'events.0.subject_share' },
    { what: 'an eta above 1', body: { batch: id, events: [{ ...view, guidance: 1.5 }] }, field: 'events.0.guidance' },
    { what: 'a score that is no cosine', body: { batch: id, events: [{ ...view, score_style: 2 }] }, field: 'events.0.score_style' },
    { what: 'a picture', body: { batch: id, events: [{ ...view, picture: 'data:image/png;base64,' }] }, field: 'events.0.picture' },
    { what: 'more than a day ago', body: { batch: id, events: [{ ...view, age_ms: 86_400_001 }] }, field: 'events.0.age_ms' },
    { what: 'more bytes than a sum could hold', body: { batch: id, events: [{ ...view, bytes: 2 ** 41 }] }, field: 'events.0.bytes' },
    { what: 'half a byte', body: { batch: id, events: [{ ...view, bytes: 0.5 }] }, field: 'events.0.bytes' },
    { what: 'deep nesting', body: '['.repeat(30_000) + ']'.repeat(30_000), field: 'batch' },
    { what: 'open nesting', body: '{"a":'.repeat(12_000), field: 'not JSON' },
  ])('$what', async ({ body, field }) => {
    expect(await problemOf(await send(body))).toMatchObject({
      status: 400,
      code: 'request_invalid',
      detail: expect.stringContaining(field),
    });
  });

  test('more than 64 KiB, also when the length is not told', async () => {
    const text = JSON.stringify({ batch: id, events: [view] }).padEnd(64 * 1024 + 1);
    expect(await problemOf(await send(text))).toMatchObject({ status: 413, code: 'payload_too_large' });
    const body = new Blob([text]).stream();
    const streamed = await fetchEdge('/v1/telemetry?site=pk_page', { method: 'POST', headers: { origin: ORIGIN }, body });
    expect(await problemOf(streamed)).toMatchObject({ status: 413, code: 'payload_too_large' });
    expect((await send(text.slice(0, -1))).status).toBe(202);
  });

  test('from elsewhere', async () => {
    for (const headers of [{ origin: 'https://elsewhere.example' }, {}] as Record<string, string>[]) {
      expect(await problemOf(await send({ batch: id, events: [view] }, { headers }))).toMatchObject({
        status: 403,
        code: 'origin_not_allowed',
      });
    }
  });
});
