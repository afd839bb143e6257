/** The edge on this machine: migrations, the demo's files and site, and `wrangler dev`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { DiptychError } from '../../../shared/errors.ts';
import { openLocalTarget } from '../publish/local-target.ts';
import { publish, type Published } from '../publish/publish.ts';
import { WRANGLER, wrangler, WRANGLER_ENV } from '../publish/wrangler.ts';
import { type Store, writeWhole } from '../store.ts';
import { saveSite } from './save-site.ts';

/** How long `wrangler dev` may take to answer, on a slow machine. */
const READY_MS = 120_000;

export const DEMO_SITE = 'pk_demo';

/** Makes the database and the bucket under `state` hold what the demo needs. */
export async function fillEdge(
  store: Store,
  state: string,
  origins: string[],
  onProgress: (done: number, total: number) => void,
): Promise<Published> {
  await wrangler('d1', 'migrations', 'apply', 'diptych', '--local', '--persist-to', state);
  const target = await openLocalTarget(state);
  try {
    const published = await publish(store, target, onProgress);
    await saveSite({ id: DEMO_SITE, name: 'Demo', origins }, state);
    return published;
  } finally {
    await target.close();
  }
}

/** Makes each secret of this machine's own. */
const SECRETS = {
  SIGNING_KEYS: () => `local:${randomBytes(32).toString('base64')}`,
  ADMIN_TOKEN: () => `local:${randomBytes(32).toString('hex')}`,
};

/** Adds the secrets that it lacks to the file that `wrangler dev` reads and git ignores; those that are there stay. */
export async function ensureSecrets(file = '.dev.vars'): Promise<void> {
  const before = existsSync(file) ? await readFile(file, 'utf8') : '';
  const lacking = Object.entries(SECRETS).filter(([name]) => !new RegExp(`^\\s*${name}\\s*=`, 'm').test(before));
  if (lacking.length === 0) return;
  const lines = [before.trimEnd(), ...lacking.map(([name, make]) => `${name}="${make()}"`)].filter(Boolean);
  await writeWhole(file, new TextEncoder().encode(`${lines.join('\n')}\n`));
}

export interface LocalEdge {
  /** `http://localhost:8787` */
  origin: string;
  /** Ends wrangler and the workerd that it started. */
  stop(): Promise<void>;
}

/** Starts `wrangler dev`, with `vars` besides those of wrangler.toml, and waits until it answers. */
export async function startEdge(state: string, port: number, vars: Record<string, string> = {}): Promise<LocalEdge> {
  const args = ['dev', '--port', String(port), '--inspector-port', '0', '--persist-to', state, '--show-interactive-dev-session=false'];
  for (const [name, value] of Object.entries(vars)) args.push('--var', `${name}:${value}`);
  // A group of its own: wrangler alone, when it is ended, leaves workerd running.
  const child = spawn(process.execPath, [WRANGLER, ...args], {
    env: { ...process.env, ...WRANGLER_ENV },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4000)));
  const origin = `http://localhost:${port}`;
  try {
    await untilHealthy(child, origin, () => output);
  } catch (thrown) {
    await endGroup(child);
    throw thrown;
  }
  return { origin, stop: () => endGroup(child) };
}

async function untilHealthy(child: ChildProcess, origin: string, output: () => string): Promise<void> {
  const deadline = Date.now() + READY_MS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) break;
    const response = await fetch(`${origin}/healthz`).catch(() => undefined);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new DiptychError('internal', `wrangler dev did not come up on ${origin}:\n${output()}`, { origin });
}

async function endGroup(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return;
  const ended = new Promise((resolve) => child.once('close', resolve));
  process.kill(-child.pid, 'SIGTERM');
  await ended;
}

/** `wanted`, or the next port that nothing listens on. */
export async function freePort(wanted: number): Promise<number> {
  const free = await new Promise<boolean>((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(wanted, () => probe.close(() => resolve(true)));
  });
  return free ? wanted : freePort(wanted + 1);
}
