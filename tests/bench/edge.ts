/** What the Worker costs: each route beside a plain handler that returns the same bytes, on workerd, on this machine. */
import { writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import type { Miniflare } from 'miniflare';
import { exactQuantile } from '../../shared/nearest-rank.ts';
import { fillWorkerd, openWorkerd } from './local-workerd.ts';
import { median } from './median.ts';

export interface EdgeOptions {
  rounds: number;
  /** Seconds of each measurement. */
  seconds: number;
  /** Requests under way at a time. */
  clients: number;
  /** A file that the figures are written to as well. */
  json?: string;
}

interface Figures {
  /** Requests a second, the median of the measurements. */
  rate: number;
  p50Ms: number;
  p99Ms: number;
}

interface Result {
  route: string;
  edge: Figures;
  plain: Figures;
  /** Requests a second of the edge over the plain handler's, the median of the pairs that were measured side by side. */
  ratio: number;
  bar?: number;
  missed: boolean;
}

const SITE = 'pk_bench';
const MIB = 1024 * 1024;

interface Load {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: () => string;
}

interface Route {
  name: string;
  edge: Load;
  bare: Load;
  /** Requests a second of the edge, at least this part of the plain handler's. */
  bar?: number;
}

/** Of one measurement: requests a second, and each one's milliseconds. */
interface Measured {
  rate: number;
  latencies: number[];
}

export async function benchEdge(options: EdgeOptions): Promise<void> {
  const workerd = await openWorkerd('tests/edge/bench-edge.ts');
  try {
    const origin = (await workerd.ready).origin;
    await fillWorkerd(workerd, SITE, origin);
    console.log(
      `| route | edge, requests/s | p50, p99 ms | plain handler, requests/s | p50, p99 ms | edge / plain |\n| --- | --- | --- | --- | --- | --- |`,
    );
    const results: Result[] = [];
    for (const route of await routes(workerd, origin)) {
      const result = resultOf(route, await compare(route, origin, options));
      console.log(tableRow(result));
      results.push(result);
    }
    if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(results, undefined, 2)}\n`);
    if (results.some(({ missed }) => missed)) process.exitCode = 1;
  } finally {
    await workerd.dispose();
  }
}

async function routes(workerd: Miniflare, origin: string): Promise<Route[]> {
  const bucket = await workerd.getR2Bucket('WEIGHTS');
  const { objects } = await bucket.list({ prefix: 'blobs/' });
  const large = objects.find(({ size }) => size > 2 * MIB)!.key.slice('blobs/'.length);
  const hashes = objects.slice(0, 16).map(({ key }) => key.slice('blobs/'.length));
  const post = { method: 'POST', headers: { origin, 'content-type': 'application/json' } };
  const downloads = { ...post, path: `/v1/downloads?site=${SITE}`, body: () => JSON.stringify({ hashes: [large, ...hashes] }) };
  const signed = await (await fetch(origin + downloads.path, { ...post, body: downloads.body() })).text();
  const address = new URL((JSON.parse(signed) as { downloads: { url: string }[] }).downloads[0]!.url);
  await bucket.put('bench/downloads.json', signed);
  await bucket.put('bench/healthz.json', await (await fetch(`${origin}/healthz`)).text());
  const range = { method: 'GET', headers: { range: `bytes=${MIB / 2}-${1.5 * MIB - 1}` } };
  // The whole file once: from then on the edge has it in its cache, as it has for all visitors but the first.
  await (await fetch(address)).arrayBuffer();
  const get = (path: string): Load => ({ method: 'GET', path });
  const batch = () => JSON.stringify({ batch: crypto.randomUUID(), events: [{ event: 'view', age_ms: 5 }] });
  return [
    { name: 'healthz', edge: get('/healthz'), bare: get('/bare/healthz') },
    { name: 'manifest', edge: get(`/v1/manifest?site=${SITE}`), bare: get('/bare/manifest'), bar: 0.7 },
    { name: 'downloads, 17 files', edge: downloads, bare: { ...downloads, path: '/bare/downloads' } },
    {
      name: 'weights, 1 MiB of a shard',
      edge: { ...range, path: address.pathname + address.search },
      bare: { ...range, path: `/bare/weights/${large}` },
      bar: 0.8,
    },
    {
      name: 'telemetry',
      edge: { ...post, path: `/v1/telemetry?site=${SITE}`, body: batch },
      bare: { ...post, path: '/bare/telemetry', body: batch },
    },
  ];
}

/** In turns, A B B A: what the machine does besides hits both alike. */
async function compare({ name, edge, bare }: Route, origin: string, options: EdgeOptions): Promise<Record<'edge' | 'bare', Measured[]>> {
  const agent = new Agent({ keepAlive: true, maxSockets: options.clients });
  const measured: Record<'edge' | 'bare', Measured[]> = { edge: [], bare: [] };
  const loads = { edge, bare };
  try {
    for (const which of ['edge', 'bare'] as const) await measure(loads[which], origin, agent, { ...options, seconds: 0.5 });
    for (let round = 0; round < options.rounds; round++) {
      process.stderr.write(`\r${name}: round ${round + 1} of ${options.rounds}`.padEnd(60));
      for (const which of ['edge', 'bare', 'bare', 'edge'] as const)
        measured[which].push(await measure(loads[which], origin, agent, options));
    }
    process.stderr.write('\r'.padEnd(61) + '\r');
    return measured;
  } finally {
    agent.destroy();
  }
}

async function measure(load: Load, origin: string, agent: Agent, { seconds, clients }: EdgeOptions): Promise<Measured> {
  const latencies: number[] = [];
  const started = performance.now();
  const client = async () => {
    while (performance.now() - started < seconds * 1000) {
      const from = performance.now();
      await send(load, origin, agent);
      latencies.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return { rate: latencies.length / ((performance.now() - started) / 1000), latencies };
}

/** Resolves when the whole answer has come. An answer that is no success is a fault of the bench. */
function send({ method, path, headers, body }: Load, origin: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(origin + path, { method, agent, ...(headers && { headers }) }, (response) => {
      if (response.statusCode! >= 300) reject(new Error(`${method} ${path.split('?')[0]} answered ${response.statusCode}`));
      response.on('end', resolve).on('error', reject).resume();
    });
    sent.on('error', reject).end(body?.());
  });
}

function resultOf({ name, bar }: Route, { edge, bare }: Record<'edge' | 'bare', Measured[]>): Result {
  const ratio = median(edge.map(({ rate }, i) => rate / bare[i]!.rate));
  return {
    route: name,
    edge: figuresOf(edge),
    plain: figuresOf(bare),
    ratio,
    ...(bar !== undefined && { bar }),
    missed: bar !== undefined && ratio < bar,
  };
}

function figuresOf(measured: readonly Measured[]): Figures {
  const latencies = measured.flatMap((one) => one.latencies);
  const [p50Ms, p99Ms] = [0.5, 0.99].map((q) => exactQuantile(latencies, q)) as [number, number];
  return { rate: median(measured.map(({ rate }) => rate)), p50Ms, p99Ms };
}

function tableRow({ route, edge, plain, ratio, bar, missed }: Result): string {
  const cells = [edge, plain].flatMap(({ rate, p50Ms, p99Ms }) => [Math.round(rate), `${p50Ms.toFixed(1)}, ${p99Ms.toFixed(1)}`]);
  const verdict = bar === undefined ? '' : ` (at least ${bar})${missed ? ' MISSED' : ''}`;
  return `| ${[route, ...cells, ratio.toFixed(2) + verdict].join(' | ')} |`;
}
