import { createExecutionContext, createMessageBatch, getQueueResult } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, test, vi } from 'vitest';
import { bucketOf, quantile } from '../../shared/histogram.ts';
import { exactQuantile } from '../../shared/nearest-rank.ts';
import worker from '../../worker/index.ts';
import type { TelemetryMessage } from '../../worker/telemetry/message.ts';
import { histogramsThatDiffer, hoursThatDiffer, totalsOf, totalsOfEvents, totalsOfHours } from './telemetry-totals.ts';
import { randomNumbers, shuffled, traffic } from './telemetry-traffic.ts';

const SITES = Array.from({ length: 50 }, (_, i) => `pk_site${i}`);
const EVENTS = 5000;
const random = randomNumbers(20_261_123);

/** A database that fails now and then, before it has written or (as when the answer is lost) after. */
function failing(db: D1Database): { db: D1Database; failures: { before: number; after: number } } {
  const failures = { before: 0, after: 0 };
  async function batch<T>(statements: D1PreparedStatement[]): Promise<D1Result<T>[]> {
    const fate = random();
    if (fate < 0.05) {
      failures.before++;
      throw new Error('D1_ERROR: lost before it was written');
    }
    const results = await db.batch<T>(statements);
    if (fate > 0.95) {
      failures.after++;
      throw new Error('D1_ERROR: lost after it was written');
    }
    return results;
  }
  return { db: { prepare: db.prepare.bind(db), batch } as unknown as D1Database, failures };
}

class Killed extends Error {}

/** Whether the consumer came to its end. */
async function survives(run: Promise<void>): Promise<boolean> {
  try {
    await run;
    return true;
  } catch (thrown) {
    if (thrown instanceof Killed) return false;
    throw thrown;
  }
}

/** The messages, but who goes through them dies before the one at `index`. */
function deadlyAt<T>(messages: readonly T[], index: number): readonly T[] {
  function* iterate() {
    for (const [i, message] of messages.entries()) {
      if (i === index) throw new Killed();
      yield message;
    }
  }
  return Object.assign([...messages], { [Symbol.iterator]: iterate });
}

interface Queued {
  id: string;
  timestamp: Date;
  attempts: number;
  body: TelemetryMessage;
}

/** Delivers in any order, and again whatever was not acknowledged; a consumer that is killed has acknowledged nothing. */
async function deliverAll(bodies: readonly TelemetryMessage[], db: D1Database): Promise<{ kills: number }> {
  let waiting: Queued[] = bodies.map((body, i) => ({ id: String(i), timestamp: new Date(body.received), attempts: 1, body }));
  let kills = 0;
  while (waiting.length > 0) {
    const queue = shuffled(random, waiting);
    const taken = queue.slice(0, 20);
    const batch = createMessageBatch<TelemetryMessage>('diptych-telemetry', taken);
    const messages = random() < 0.4 ? deadlyAt(batch.messages, Math.floor(random() * taken.length)) : batch.messages;
    const context = createExecutionContext();
    const lived = await survives(worker.queue({ ...batch, queue: batch.queue, messages } as MessageBatch, { ...env, DB: db }));
    const acknowledged = new Set(lived ? (await getQueueResult(batch, context)).explicitAcks : []);
    if (!lived) kills++;
    waiting = queue.filter(({ id }) => !acknowledged.has(id));
  }
  return { kills };
}

test('events of many sites: duplicates, any order, redelivery and a consumer that is killed change no total', async () => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const now = Date.now();
  const sent = traffic(random, { sites: SITES, events: EVENTS });
  const messages = sent.map((message) => ({ ...message, received: now - Math.floor(random() * 86_400_000) }));
  // A browser that sends again is received later: the copy is another message of the same batch.
  const copies = messages.filter(() => random() < 0.2).map((message) => ({ ...message, received: now }));
  const { db, failures } = failing(env.DB);
  const { kills } = await deliverAll([...messages, ...copies], db);
  // The faults happened: else this would show nothing.
  expect(Math.min(kills, failures.before, failures.after, copies.length)).toBeGreaterThan(10);

  const expected = totalsOf(sent);
  expect(Object.values(expected).reduce((sum, { events }) => sum + events, 0)).toBe(EVENTS);
  expect(await totalsOfEvents(env.DB)).toEqual(expected);
  expect(await totalsOfHours(env.DB)).toEqual(expected);
  expect(await hoursThatDiffer(env.DB)).toBe(0);
  expect(await histogramsThatDiffer(env.DB)).toBe(0);
  log.mockRestore();
}, 60_000);

test('quantiles of the merged histograms are those of the events, to a bucket', async () => {
  const classes = await env.DB.prepare(
    `
    SELECT backend, gpu_vendor, gpu_architecture, json_group_array(step_p50_ms) AS steps FROM telemetry_events
    WHERE event = 'generate_step_summary' GROUP BY backend, gpu_vendor, gpu_architecture`,
  ).all<Record<string, string>>();
  expect(classes.results).toHaveLength(4);
  for (const { backend, gpu_vendor: vendor, gpu_architecture: architecture, steps } of classes.results) {
    const counted = await env.DB.prepare(
      `
      SELECT bucket, SUM(events) AS events FROM telemetry_histograms
      WHERE metric = 'step' AND backend = ?1 AND gpu_vendor = ?2 AND gpu_architecture = ?3 GROUP BY bucket`,
    )
      .bind(backend, vendor, architecture)
      .all<{ bucket: number; events: number }>();
    const merged = new Map(counted.results.map(({ bucket, events }) => [bucket, events]));
    const values: number[] = JSON.parse(steps!);
    for (const q of [0.5, 0.95]) expect(bucketOf(quantile(merged, q)!)).toBe(bucketOf(exactQuantile(values, q)));
  }
});
