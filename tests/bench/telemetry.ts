/** Telemetry through the real queue of a local workerd, whose consumer fails and is killed again and again: whether the totals are exact. */
import { isDeepStrictEqual } from 'node:util';
import type { TestHarness } from 'wrangler';
import { WRANGLER_ENV } from '../../models-manifest/cli/publish/wrangler.ts';
import { totalsOf, type Totals } from '../edge/expected-totals.ts';
import { randomNumbers, shuffled, traffic } from '../edge/telemetry-traffic.ts';

export interface TelemetryOptions {
  events: number;
  sites: number;
}

interface Report {
  events: Record<string, Totals>;
  hours: Record<string, Totals>;
  differences: number;
  dead: number;
  delivered: number;
  faults: { kills: number; before: number; after: number };
}

/** Share of batches that are sent a second time, at any time after or before. */
const SENT_TWICE = 0.2;
const SENDERS = 16;
/** The queue is taken to be empty when all batches are written and nothing was delivered for so long. */
const QUIET_MS = 4000;

/** Sends the events, waits for the queue, compares all totals; exits 1 when any differs. */
export async function benchTelemetry({ events, sites }: TelemetryOptions): Promise<void> {
  const random = randomNumbers(1);
  const names = Array.from({ length: sites }, (_, i) => `pk_site${i}`);
  const batches = traffic(random, { sites: names, events });
  const copies = batches.filter(() => random() < SENT_TWICE);
  const edge = await openFaultyEdge(names);
  try {
    const started = performance.now();
    await sendAll(edge, shuffled(random, [...batches, ...copies]));
    const sent = performance.now();
    await untilQuiet(edge, batches.length);
    const counted = performance.now() - QUIET_MS;
    const report = (await (await edge.fetch('/bench/report')).json()) as Report;
    print(report, { events, sites, batches: batches.length, posts: batches.length + copies.length });
    console.log(`Sent in ${seconds(sent - started)}, counted ${seconds(counted - started)} after the first was sent.`);
    judge(report, totalsOf(batches));
  } finally {
    await edge.close();
  }
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** The Worker of `wrangler.toml` with its queues, around it the faults. Its storage is fresh, and gone when it is closed. */
async function openFaultyEdge(sites: readonly string[]): Promise<TestHarness> {
  // It reads them when it is loaded. A line for each of thousands of deliveries would hide the result.
  Object.assign(process.env, WRANGLER_ENV, { WRANGLER_LOG: 'error' });
  const { createTestHarness, experimental_readRawConfig: readRawConfig } = await import('wrangler');
  // One machine stands for all visitors here.
  const { assets: _, ratelimits: __, ...config } = readRawConfig({ config: 'wrangler.toml' }).rawConfig;
  const vars = { SIGNING_KEYS: `bench:${Buffer.alloc(32, 1).toString('base64')}` };
  const edge = createTestHarness({ workers: [{ config: { ...config, main: 'tests/edge/faulty-edge.ts', vars } }] });
  await edge.listen();
  const worker = edge.getWorker();
  await worker.applyD1Migrations('DB');
  const { DB } = await worker.getEnv();
  const inserts = ['INSERT INTO sites (id, name) VALUES (?1, ?1)', 'INSERT INTO site_keys (key, site) VALUES (?1, ?1)'];
  await DB.batch(sites.flatMap((site) => inserts.map((sql) => DB.prepare(sql).bind(site))));
  return edge;
}

async function sendAll(edge: TestHarness, batches: ReturnType<typeof traffic>): Promise<void> {
  const { origin } = (await edge.listen()).url;
  const waiting = batches.values();
  await Promise.all(
    Array.from({ length: SENDERS }, async () => {
      for (const { site, batch } of waiting) {
        const response = await edge.fetch(`/v1/telemetry?site=${site}`, {
          method: 'POST',
          headers: { origin },
          body: JSON.stringify(batch),
        });
        if (response.status !== 202) throw new Error(`POST /v1/telemetry answered ${response.status}: ${await response.text()}`);
      }
    }),
  );
}

async function untilQuiet(edge: TestHarness, expected: number): Promise<void> {
  let last = -1;
  for (let quietSince = performance.now(); ;) {
    const { delivered, batches } = (await (await edge.fetch('/bench/progress')).json()) as { delivered: number; batches: number };
    process.stderr.write(`\r${batches} of ${expected} batches written, ${delivered} messages delivered`.padEnd(70));
    if (delivered !== last) quietSince = performance.now();
    last = delivered;
    if (performance.now() - quietSince > QUIET_MS) break;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  process.stderr.write('\n');
}

function print({ delivered, dead, faults }: Report, sent: { events: number; sites: number; batches: number; posts: number }): void {
  console.log(`${sent.events} events of ${sent.sites} sites in ${sent.batches} batches, sent in ${sent.posts} requests in any order.`);
  console.log(
    `${delivered} deliveries; ${faults.kills} consumers killed; ${faults.before} transactions lost, ${faults.after} answers lost.`,
  );
  console.log(`${dead} dead letters.`);
}

function judge({ events, hours, differences }: Report, expected: Record<string, Totals>): void {
  const exact = {
    'raw events': isDeepStrictEqual(events, expected),
    'hourly roll-ups': isDeepStrictEqual(hours, expected),
    'each hour and histogram against the raw events': differences === 0,
  };
  for (const [what, equal] of Object.entries(exact)) console.log(`${equal ? 'exact' : 'WRONG'}  ${what}`);
  if (Object.values(exact).includes(false)) process.exitCode = 1;
}
