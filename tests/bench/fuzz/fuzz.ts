/** Random and mutated requests against the running Worker: whatever comes, it answers in time, without a fault, and tells nothing that is not meant for strangers. */
import { Agent, request as open } from 'node:http';
import type { Miniflare } from 'miniflare';
import { fillWorkerd, openWorkerd, SECRETS } from '../local-workerd.ts';
import { corpus, type Sent } from './corpus.ts';
import { mutated } from './mutate.ts';
import { Random } from './random.ts';

export interface FuzzOptions {
  requests: number;
  seed: number;
  /** Sends the request of this number alone, and shows its answer. */
  only?: number;
}

export interface FuzzReport {
  /** Answers by status. */
  statuses: Record<string, number>;
  slowestMs: number;
  findings: Finding[];
}

interface Finding {
  number: number;
  reason: string;
  request: Sent;
  answer: string;
}

const KEY = 'pk_fuzz';
const CLIENTS = 8;
/** Far more than any answer takes on a busy machine. */
const HANG_MS = 20_000;
/** The rest of an answer is a file of the store. */
const READ_BYTES = 1 << 20;

/** What no answer may hold: secrets, stacks, paths of source files, what databases and storage say of themselves. */
const LEAKS: readonly RegExp[] = [
  ...Object.values(SECRETS).map((secret) => new RegExp(secret.split(':')[1]!.slice(0, 20).replace(/[+/=]/g, '\\$&'))),
  /\n\s+at \S+ ?\(/,
  /edge\.mjs|\/worker\/|node_modules/,
  /D1_ERROR|SQLITE_|\bSELECT [a-z_]+(,| FROM)|INSERT INTO/,
];

export async function fuzz({ requests, seed, only }: FuzzOptions, onProgress: (done: number) => void): Promise<FuzzReport> {
  const workerd = await openWorkerd('worker/index.ts');
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const report: FuzzReport = { statuses: {}, slowestMs: 0, findings: [] };
  try {
    const origin = (await workerd.ready).origin;
    const seeds = corpus(await validNames(workerd, origin));
    const numbers = only === undefined ? Array.from({ length: requests }, (_, i) => i).values() : [only].values();
    const client = async () => {
      for (const number of numbers) {
        await attack(requestOf(seeds, seed, number), number, origin, agent, report);
        if (number % 500 === 0) onProgress(number);
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    const { statusCode } = await answerOf({ method: 'GET', path: '/healthz', headers: {} }, origin, agent);
    if (statusCode !== 200)
      report.findings.push({ number: requests, reason: `/healthz answers ${statusCode} afterwards`, request: seeds[0]!, answer: '' });
    return report;
  } finally {
    agent.destroy();
    await workerd.dispose();
  }
}

/** The request of a number depends on nothing but the seed: one that was found can be sent alone. */
function requestOf(seeds: readonly Sent[], seed: number, number: number): Sent {
  const random = new Random(Math.imul(seed, 1_000_003) + number);
  // The generator's first number follows its seed too closely.
  random.number();
  return mutated(random.pick(seeds), random);
}

async function validNames(workerd: Miniflare, origin: string) {
  await fillWorkerd(workerd, KEY, origin);
  const { objects } = await (await workerd.getR2Bucket('WEIGHTS')).list({ prefix: 'blobs/', limit: 1 });
  const sha256 = objects[0]!.key.slice('blobs/'.length);
  const post = { method: 'POST', headers: { origin }, body: JSON.stringify({ hashes: [sha256] }) };
  const signed = (await (await fetch(`${origin}/v1/downloads?site=${KEY}`, post)).json()) as { downloads: { url: string }[] };
  const { pathname, search } = new URL(signed.downloads[0]!.url);
  const token = SECRETS.ADMIN_TOKEN.split(':')[1]!;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  // What the admin's routes do happens to a site of its own: the visitors' one must stay what it is.
  await fetch(`${origin}/v1/sites`, { method: 'POST', headers, body: JSON.stringify({ id: 'fuzzed', name: 'Fuzzed' }) });
  return { origin, key: KEY, site: 'fuzzed', token, address: pathname + search, sha256 };
}

async function attack(request: Sent, number: number, origin: string, agent: Agent, report: FuzzReport): Promise<void> {
  const started = performance.now();
  const found = (reason: string, answer = '') => report.findings.push({ number, reason, request, answer: answer.slice(0, 2000) });
  try {
    const { statusCode, text } = await answerOf(request, origin, agent);
    report.statuses[statusCode] = (report.statuses[statusCode] ?? 0) + 1;
    if (statusCode >= 500) found(`status ${statusCode}`, text);
    const leak = LEAKS.find((pattern) => pattern.test(text));
    if (leak) found(`the answer holds ${String(leak)}`, text);
  } catch (thrown) {
    found(String(thrown));
  }
  report.slowestMs = Math.max(report.slowestMs, performance.now() - started);
}

/** Headers and the beginning of the body as one text. */
function answerOf({ method, path, headers, body }: Sent, origin: string, agent: Agent): Promise<{ statusCode: number; text: string }> {
  const { hostname, port } = new URL(origin);
  const payload = ['GET', 'HEAD', 'TRACE', 'OPTIONS'].includes(method) ? undefined : body;
  // Of a DELETE, Node would send the body without its length, and the server take it for the next request.
  const length = payload === undefined ? {} : { 'content-length': String(Buffer.byteLength(payload)) };
  return new Promise((resolve, reject) => {
    const sent = open({ hostname, port, method, path, headers: { ...headers, ...length }, agent, timeout: HANG_MS }, (response) => {
      const chunks: Buffer[] = [JSON.stringify(response.headers)].map((text) => Buffer.from(text));
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= READ_BYTES) chunks.push(chunk);
      });
      response.on('end', () => resolve({ statusCode: response.statusCode!, text: Buffer.concat(chunks).toString('latin1') }));
      response.on('error', reject);
    });
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${HANG_MS} ms`)));
    sent.on('error', reject);
    sent.end(payload);
  });
}
