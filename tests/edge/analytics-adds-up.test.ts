import { createExecutionContext, createMessageBatch, getQueueResult } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { BREAKDOWNS, DIMENSIONS, INTERVALS } from '../../shared/analytics.ts';
import { bucketOf } from '../../shared/histogram.ts';
import { RULES } from '../../shared/rules.ts';
import { TELEMETRY_EVENTS, type TelemetryEvent } from '../../shared/telemetry.ts';
import worker from '../../worker/index.ts';
import type { TelemetryMessage } from '../../worker/telemetry/message.ts';
import { countsBy, figuresOf, quantilesOf, type RawEvent, startOf, valueOf } from './expected-analytics.ts';
import { analyticsOf } from './fetch-analytics.ts';
import { fetchEdge } from './fetch-edge.ts';
import { insertSite } from './store-fixture.ts';
import { randomNumbers, traffic } from './telemetry-traffic.ts';

const ORIGIN = 'https://page.example';
const SITES = ['pk_one', 'pk_two'];
for (const site of SITES) await insertSite(site, [ORIGIN]);
/** Nobody sends anything there. */
await insertSite('pk_quiet', [ORIGIN]);

const HOUR = 3_600_000;
const NOW = Date.now();

/** Ten millionths: more digits than the roll-ups keep. */
const fraction = (min: number, max: number) => fc.integer({ min: min * 1e7, max: max * 1e7 }).map((n) => n / 1e7);

/** Events as the schema takes them, many of a kind that no studio would send: any dimension on any event. */
const anyEvent: fc.Arbitrary<TelemetryEvent> = fc
  .record(
    {
      event: fc.constantFrom(...TELEMETRY_EVENTS),
      age_ms: fc.integer({ min: 0, max: 86_400_000 }),
      duration_ms: fc.integer({ min: 0, max: 100_000 }),
      bytes: fc.constantFrom(0, 1, 3_000_000_000, 2 ** 40),
      cached_bytes: fc.constantFrom(0, 7, 2 ** 40),
      backend: fc.constantFrom('webgpu' as const, 'wasm' as const),
      gpu_vendor: fc.constantFrom('', 'nvidia', 'apple'),
      gpu_architecture: fc.constantFrom('', 'ampere', 'metal-3'),
      model: fc.constantFrom('demo', 'sd15'),
      subject: fc.constantFrom('pip', 'zorp'),
      style: fc.constantFrom('knit', 'riso'),
      rule: fc.constantFrom(...RULES.slice(0, 3)),
      steps: fc.integer({ min: 0, max: 1000 }),
      subject_share: fraction(0, 1),
      code: fc.constantFrom('webgpu_unavailable' as const, 'model_too_large_for_wasm' as const, 'session_failed' as const),
      guidance: fraction(0, 1),
      score_subject: fraction(-1, 1),
      score_style: fraction(-1, 1),
      load_ms: fc.integer({ min: 0, max: 100_000 }),
      step_p50_ms: fraction(0, 5000),
    },
    { requiredKeys: ['event', 'age_ms'] },
  )
  .map((event) => event as TelemetryEvent);

const anyMessage: fc.Arbitrary<TelemetryMessage> = fc.record({
  site: fc.constantFrom(...SITES),
  // A message may wait for four days in the queue.
  received: fc.integer({ min: NOW - 90 * HOUR, max: NOW }),
  batch: fc.record({ batch: fc.uuid({ version: 4 }), events: fc.array(anyEvent, { minLength: 1, maxLength: 20 }) }),
});

const VALUES = {
  event: ['view', 'generate_complete', 'download'],
  backend: ['webgpu', 'wasm', ''],
  gpu_vendor: ['nvidia', ''],
  gpu_architecture: ['ampere', ''],
  model: ['demo', 'sd15'],
  subject: ['pip', ''],
  style: ['knit', 'riso'],
  rule: ['kl', 'l2'],
  code: ['webgpu_unavailable', ''],
  gpu_class: ['nvidia/ampere', '/'],
  pair: ['pip/knit', 'zorp/', '/'],
  site: SITES,
} satisfies Record<keyof typeof DIMENSIONS, string[]>;

const anyFilter = fc
  .constantFrom(...(Object.keys(VALUES) as (keyof typeof VALUES)[]))
  .chain((dimension) => fc.record({ dimension: fc.constant(dimension), value: fc.constantFrom(...VALUES[dimension]) }));

const anyQuery = fc.record({
  site: fc.constantFrom('all', ...SITES, 'pk_quiet'),
  from: fc.integer({ min: NOW - 120 * HOUR, max: NOW - 30 * HOUR }),
  hours: fc.integer({ min: 1, max: 130 }),
  interval: fc.constantFrom(...INTERVALS),
  breakdown: fc.option(fc.constantFrom(...BREAKDOWNS), { nil: undefined }),
  filters: fc.array(anyFilter, { maxLength: 2 }),
  limit: fc.integer({ min: 1, max: 6 }),
});
type Query = typeof anyQuery extends fc.Arbitrary<infer T> ? T : never;

async function deliver(messages: readonly TelemetryMessage[]): Promise<void> {
  const queued = messages.map((body, i) => ({ id: String(i), timestamp: new Date(body.received), attempts: 1, body }));
  const batch = createMessageBatch<TelemetryMessage>('diptych-telemetry', queued);
  await worker.queue(batch, env);
  expect((await getQueueResult(batch, createExecutionContext())).retryMessages).toEqual([]);
}

const rawEvents = async (): Promise<RawEvent[]> => (await env.DB.prepare('SELECT * FROM telemetry_events').all<RawEvent>()).results;

/** Asks the route, and holds every figure of its answer against the raw events. */
async function compare(rows: readonly RawEvent[], query: Query): Promise<void> {
  const from = Math.floor(query.from / HOUR) * HOUR;
  const to = from + query.hours * HOUR;
  const search = new URLSearchParams({
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    interval: query.interval,
    limit: String(query.limit),
    ...(query.breakdown && { breakdown: query.breakdown }),
  });
  for (const { dimension, value } of query.filters) search.append('filter', `${dimension}=${value}`);
  const answer = await analyticsOf(query.site, search);

  const filters = Map.groupBy(query.filters, ({ dimension }) => dimension);
  const passes = (row: RawEvent): boolean =>
    (query.site === 'all' || row.site === query.site) &&
    [...filters].every(([dimension, alternatives]) => alternatives.some(({ value }) => value === valueOf(row, dimension)));
  const within = (start: number, end: number) => rows.filter((row) => Number(row.at) >= start && Number(row.at) < end && passes(row));
  const now = within(from, to);
  const before = within(from - (to - from), from);

  expect(answer.totals).toEqual(figuresOf(now));
  expect(answer.previous_totals).toEqual(figuresOf(before));
  const starts = Array.from({ length: query.hours }, (_, i) => startOf(query.interval, from + i * HOUR));
  const points = [...new Set(starts)].map((start) => ({
    start,
    ...figuresOf(now.filter((row) => startOf(query.interval, Number(row.at)) === start)),
  }));
  expect(answer.series).toEqual(points);
  const count = (list: readonly RawEvent[], event: string): number => list.filter((row) => row.event === event).length;
  const steps = ['view', 'consent', 'ready', 'generate_start', 'generate_complete'];
  expect(answer.funnel).toEqual(steps.map((event) => ({ event, events: count(now, event), previous: count(before, event) })));

  const pictures = now.filter(({ event }) => event === 'generate_complete');
  for (const dimension of ['subject', 'style', 'pair', 'rule'] as const)
    expect(answer.most_used[dimension], dimension).toEqual(countsBy(pictures, dimension).slice(0, query.limit));
  expect(answer.error_codes).toEqual(
    countsBy(
      now.filter(({ event }) => event === 'generate_error'),
      'code',
    ).slice(0, query.limit),
  );
  compareBreakdown(answer, now, query);
  comparePercentiles(answer, now, query);
}

function compareBreakdown(
  { breakdown }: Awaited<ReturnType<typeof analyticsOf>>,
  rows: readonly RawEvent[],
  { breakdown: by, limit }: Query,
): void {
  if (!by) return void expect(breakdown).toBeNull();
  const values = countsBy(rows, by);
  const expected = values.slice(0, limit).map(({ value }) => ({ value, ...figuresOf(rows.filter((row) => valueOf(row, by) === value)) }));
  expect(breakdown).toEqual({ by, values: values.length, rows: expected });
}

/** Histograms give a quantile to a bucket: to 9 %. */
const toBuckets = (metrics: Record<string, { events: number; p50: number | null; p95: number | null }>) =>
  Object.entries(metrics).map(([metric, { events, p50, p95 }]) => [
    metric,
    events,
    p50 === null ? null : bucketOf(p50),
    p95 === null ? null : bucketOf(p95),
  ]);

function comparePercentiles({ percentiles }: Awaited<ReturnType<typeof analyticsOf>>, rows: readonly RawEvent[], { filters }: Query): void {
  const unknown = new Set(['event', 'subject', 'style', 'pair', 'rule', 'code']);
  if (filters.some(({ dimension }) => unknown.has(dimension))) return void expect(percentiles).toBeNull();
  expect(toBuckets(percentiles!.all)).toEqual(toBuckets(quantilesOf(rows)));
  const classes = Map.groupBy(rows, (row) => `${row.backend ?? ''}|${row.gpu_vendor ?? ''}|${row.gpu_architecture ?? ''}`);
  const expected = [...classes]
    .map(([name, of]) => [name, toBuckets(quantilesOf(of))] as const)
    .filter(([, metrics]) => metrics.some(([, events]) => events !== 0));
  const answered = percentiles!.by_gpu_class.map(
    ({ backend, gpu_vendor, gpu_architecture, metrics }) => [`${backend}|${gpu_vendor}|${gpu_architecture}`, toBuckets(metrics)] as const,
  );
  expect(Object.fromEntries(answered)).toEqual(Object.fromEntries(expected));
}

test('events sent to the route and counted by the queue: every figure is that of the raw events', async () => {
  const batches = traffic(randomNumbers(7), { sites: SITES, events: 400 });
  for (const { site, batch } of batches) {
    const response = await fetchEdge(`/v1/telemetry?site=${site}`, {
      method: 'POST',
      headers: { origin: ORIGIN },
      body: JSON.stringify(batch),
    });
    expect(response.status).toBe(202);
  }
  const counted = async () => env.DB.prepare('SELECT COUNT(*) AS n FROM telemetry_batches').first<number>('n');
  await vi.waitFor(async () => expect(await counted()).toBe(batches.length), { timeout: 20_000, interval: 200 });
  const rows = await rawEvents();
  expect(rows).toHaveLength(400);
  for (const site of ['all', ...SITES])
    await compare(rows, { site, from: NOW - 30 * HOUR, hours: 32, interval: 'hour', breakdown: 'pair', filters: [], limit: 6 });
}, 40_000);

test('any events, any query: every figure is that of the raw events', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyMessage, { minLength: 1, maxLength: 4 }),
      fc.array(anyQuery, { minLength: 3, maxLength: 3 }),
      async (messages, queries) => {
        await deliver(messages);
        const rows = await rawEvents();
        for (const query of queries) await compare(rows, query);
      },
    ),
    { numRuns: 40, endOnFailure: true },
  );
  expect(new Set((await rawEvents()).map(({ site }) => site))).toEqual(new Set(SITES));
}, 60_000);
