import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const WRANGLER = join(ROOT, 'node_modules/wrangler/bin/wrangler.js');
const SIGNING_KEYS = 'test:ZGlwdHljaC1sb2NhbC1kZXZlbG9wbWVudC1rZXktMSE=';
/** Without these it asks hosts that a test machine need not reach. */
const QUIET = {
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_WRITE_LOGS: 'false',
};

export interface TestEdge {
  /** `http://localhost:<port>`. */
  origin: string;
  /** Its R2, D1 and queue, as wrangler's `--persist-to`. */
  state: string;
  /** The rows that a query of its database gives. */
  query(sql: string): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

/** The Worker in `wrangler dev` on a free port, with empty storage of its own. `prepare` fills the storage before it starts. */
export async function startEdge(prepare: (edge: Pick<TestEdge, 'state' | 'query'>) => Promise<void>): Promise<TestEdge> {
  const state = await mkdtemp(join(tmpdir(), 'diptych-edge-'));
  const query = (sql: string) => queryDatabase(state, sql);
  await wrangler(['d1', 'migrations', 'apply', 'diptych', '--local', '--persist-to', state]);
  await prepare({ state, query });
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const worker = spawnWrangler(['dev', '--port', String(port), '--persist-to', state, '--var', `SIGNING_KEYS:${SIGNING_KEYS}`]);
  const stop = async () => {
    await endGroup(worker);
    await rm(state, { recursive: true, force: true });
  };
  try {
    await healthy(worker, origin);
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  return { origin, state, query, stop };
}

/** A group of its own: ending wrangler alone would leave workerd behind. */
function spawnWrangler(args: string[]): ChildProcess {
  return spawn(process.execPath, [WRANGLER, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...QUIET, CI: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
}

async function wrangler(args: string[]): Promise<string> {
  const child = spawnWrangler(args);
  let output = '';
  let errors = '';
  child.stdout!.on('data', (chunk) => (output += chunk));
  child.stderr!.on('data', (chunk) => (errors += chunk));
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`wrangler ${args.join(' ')} ended with ${status}:\n${output}${errors}`);
  return output;
}

async function queryDatabase(state: string, sql: string): Promise<Record<string, unknown>[]> {
  const output = await wrangler(['d1', 'execute', 'diptych', '--local', '--json', '--persist-to', state, '--command', sql]);
  const [{ results }] = JSON.parse(output) as [{ results: Record<string, unknown>[] }];
  return results;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

async function healthy(worker: ChildProcess, origin: string): Promise<void> {
  let log = '';
  worker.stdout!.on('data', (chunk) => (log += chunk));
  worker.stderr!.on('data', (chunk) => (log += chunk));
  for (let tries = 0; tries < 240; tries++) {
    if (worker.exitCode !== null) break;
    const response = await fetch(`${origin}/healthz`).catch(() => undefined);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(`the edge did not start:\n${log}`);
}

async function endGroup(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null) return;
  const closed = once(worker, 'close');
  process.kill(-worker.pid!, 'SIGTERM');
  const patience = setTimeout(() => process.kill(-worker.pid!, 'SIGKILL'), 5000);
  await closed;
  clearTimeout(patience);
}
