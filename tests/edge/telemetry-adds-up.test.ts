import { createExecutionContext, createMessageBatch, getQueueResult } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, test, vi } from 'vitest';
import { bucketOf, quantile } from '../../shared/histogram.ts';
import { exactQuantile } from '../../shared/nearest-rank.ts';
import worker from '../../worker/index.ts';
import type { TelemetryMessage } from '../../worker/telemetry/message.ts';
import { totalsOf } from './expected-totals.ts';
import { deadlyAt, failing, Killed } from './faults.ts';
import { histogramsThatDiffer, hoursThatDiffer, totalsOfEvents, totalsOfHours } from './telemetry-totals.ts';
import { randomNumbers, shuffled, traffic } from './telemetry-traffic.ts';

const SITES = Array.from({ length: 50 }, (_, i) => `pk_site${i}`);
const EVENTS = 5000;
const random = randomNumbers(20_261_123);

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
    const taken = queue.slice(0, 10);
    const batch = createMessageBatch<TelemetryMessage>('diptych-telemetry', taken);
    const deadly = deadlyAt(batch.messages, Math.floor(random() * taken.length), random() < 0.5 ? 'read' : 'ack');
    const messages = random() < 0.4 ? deadly : batch.messages;
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
  const failures = { before: 0, after: 0 };
  const { kills } = await deliverAll([...messages, ...copies], failing(env.DB, random, failures));
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
