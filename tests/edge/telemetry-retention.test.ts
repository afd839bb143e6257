import { createMessageBatch, createScheduledController } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, expect, test } from 'vitest';
import type { Env } from '../../worker/env.ts';
import worker from '../../worker/index.ts';
import { consume } from '../../worker/queue/consume.ts';
import { retain } from '../../worker/telemetry/retention.ts';
import { randomNumbers, traffic } from './telemetry-traffic.ts';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 10, 23, 12);
const CUTOFF = Date.UTC(2026, 9, 24);
const SITES = ['pk_one', 'pk_two', 'pk_three'];

type Row = Record<string, unknown>;

const all = async (sql: string): Promise<Row[]> => (await env.DB.prepare(sql).all()).results;
const ORDER = 'ORDER BY site, batch, position';
const eventsBefore = (time: number) => all(`SELECT * FROM telemetry_events WHERE at < ${time} ${ORDER}`);
const rollUps = async () => [await all('SELECT * FROM telemetry_hours'), await all('SELECT * FROM telemetry_histograms')];
const withoutNulls = (row: Row): Row => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));

/** Each object of the archive: its name, and its lines as rows. */
async function archived(): Promise<{ key: string; rows: Row[] }[]> {
  const { objects } = await env.ARCHIVE.list();
  return Promise.all(
    objects.map(async ({ key }) => {
      const { body } = (await env.ARCHIVE.get(key))!;
      const text = await new Response(body.pipeThrough(new DecompressionStream('gzip'))).text();
      return {
        key,
        rows: text
          .trimEnd()
          .split('\n')
          .map((line): Row => JSON.parse(line)),
      };
    }),
  );
}

const byKey = ({ site, batch, position }: Row) => `${site} ${batch} ${String(position).padStart(3, '0')}`;
const sorted = (rows: Row[]): Row[] => rows.toSorted((a, b) => (byKey(a) < byKey(b) ? -1 : 1));

/** Empties everything, then counts visits of three sites on six days, of which three are to be archived. */
beforeEach(async () => {
  const tables = ['telemetry_events', 'telemetry_batches', 'telemetry_hours', 'telemetry_histograms', 'telemetry_dead'];
  await env.DB.batch(tables.map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
  await env.ARCHIVE.delete((await env.ARCHIVE.list()).objects.map(({ key }) => key));
  const random = randomNumbers(7);
  for (const daysAgo of [33, 32, 31, 29, 10, 0]) {
    const then = NOW - daysAgo * DAY_MS;
    const messages = traffic(random, { sites: SITES, events: 60 }).map((message, i) => ({
      id: String(i),
      timestamp: new Date(then),
      attempts: 1,
      body: { ...message, received: then },
    }));
    await consume(() => then)(createMessageBatch('diptych-telemetry', messages), env);
  }
});

const cron = () => worker.scheduled(createScheduledController({ scheduledTime: new Date(NOW), cron: '17 * * * *' }), env);

test('what is older than 30 days is archived by day, then deleted; roll-ups stay', async () => {
  const old = await eventsBefore(CUTOFF);
  const every = await eventsBefore(NOW + DAY_MS);
  const before = await rollUps();
  expect(old.length).toBeGreaterThan(100);
  expect(every.length).toBeGreaterThan(old.length + 100);
  await cron();
  const objects = await archived();
  expect(sorted(objects.flatMap(({ rows }) => rows))).toEqual(sorted(old.map(withoutNulls)));
  for (const { key, rows } of objects) {
    expect(key).toMatch(/^telemetry\/2026-10-\d\d\/[0-9a-f]{64}\.ndjson\.gz$/);
    const [, day] = key.split('/');
    for (const row of rows) expect(new Date(Number(row['at'])).toISOString().slice(0, 10)).toBe(day);
  }
  expect(await eventsBefore(CUTOFF)).toEqual([]);
  expect(await eventsBefore(NOW + DAY_MS)).toHaveLength(every.length - old.length);
  expect(await rollUps()).toEqual(before);
});

test('a second run changes nothing', async () => {
  await cron();
  const state = async () => JSON.stringify([await archived(), await eventsBefore(NOW + DAY_MS), await rollUps()]);
  const first = await state();
  await cron();
  expect(await state()).toBe(first);
});

test('a run does a bounded part, and the next goes on', async () => {
  const old = await eventsBefore(CUTOFF);
  await retain(env, NOW, { parts: 2, rows: 7 });
  // The first day ends within one of the two parts, or neither.
  const moved = (await archived()).map(({ rows }) => rows.length);
  expect(moved).toHaveLength(2);
  expect(Math.max(...moved)).toBe(7);
  expect(await eventsBefore(CUTOFF)).toHaveLength(old.length - moved[0]! - moved[1]!);
  for (let run = 0; run < old.length / 7 && (await eventsBefore(CUTOFF)).length > 0; run++) await retain(env, NOW, { parts: 3, rows: 7 });
  expect(sorted((await archived()).flatMap(({ rows }) => rows))).toEqual(sorted(old.map(withoutNulls)));
});

test('batches go when their events are gone, and dead letters with them', async () => {
  const insert = env.DB.prepare('INSERT INTO telemetry_dead (id, died, reason) VALUES (?1, ?2, ?3)');
  await env.DB.batch([insert.bind('old', CUTOFF - 1, 'x'), insert.bind('young', CUTOFF, 'x')]);
  const batches = () => all('SELECT received FROM telemetry_batches ORDER BY received');
  const before = await batches();
  await retain(env, NOW, { parts: 1, rows: 5 });
  expect(await batches()).toEqual(before);
  await cron();
  expect(await batches()).toEqual(before.filter(({ received }) => Number(received) >= CUTOFF));
  expect(await all('SELECT id FROM telemetry_dead')).toEqual([{ id: 'young' }]);
});

/** The archive, with one of its methods another. */
const archiveThat = (methods: Partial<R2Bucket>): Env => ({
  ...env,
  ARCHIVE: { put: env.ARCHIVE.put.bind(env.ARCHIVE), get: env.ARCHIVE.get.bind(env.ARCHIVE), ...methods } as R2Bucket,
});

test('a run that dies after it has put an object leaves no second copy', async () => {
  const old = await eventsBefore(CUTOFF);
  const dying = archiveThat({ get: () => Promise.reject(new Error('The run was killed.')) });
  await expect(retain(dying, NOW)).rejects.toThrow('killed');
  expect(await archived()).toHaveLength(1);
  expect(await eventsBefore(CUTOFF)).toEqual(old);
  await cron();
  expect(sorted((await archived()).flatMap(({ rows }) => rows))).toEqual(sorted(old.map(withoutNulls)));
});

test.for([
  { what: 'is lost', get: async () => null },
  { what: 'is another', get: async () => env.ARCHIVE.get('other') },
])('an object that $what is found out, and no row deleted', async ({ get }) => {
  const old = await eventsBefore(CUTOFF);
  await env.ARCHIVE.put('other', await new Response(new Response('{}\n').body!.pipeThrough(new CompressionStream('gzip'))).arrayBuffer());
  await expect(retain(archiveThat({ get } as Partial<R2Bucket>), NOW)).rejects.toMatchObject({ code: 'internal' });
  expect(await eventsBefore(CUTOFF)).toEqual(old);
});

test.for([
  { lacks: 'ARCHIVE', command: 'npx wrangler r2 bucket create diptych-telemetry-archive' },
  { lacks: 'DB', command: 'npx wrangler d1 create diptych' },
])('without $lacks it says what to run', async ({ lacks, command }) => {
  const bindings: Env = { ...env };
  delete (bindings as unknown as Record<string, unknown>)[lacks];
  await expect(retain(bindings, NOW)).rejects.toThrow(command);
});
