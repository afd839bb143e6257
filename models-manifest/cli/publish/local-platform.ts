import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Wherever the command is called from, the edge is this project's. */
const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));

/** Where `wrangler dev` keeps its local R2, D1 and queues. */
export const LOCAL_STATE = path.join(PROJECT, '.wrangler/state');

interface LocalStatement {
  run(): Promise<unknown>;
  all(): Promise<{ results: Record<string, unknown>[] }>;
}

/** The bindings that the command line uses, as `wrangler.toml` names them. */
export interface LocalBindings {
  WEIGHTS: {
    head(key: string): Promise<{ size: number } | null>;
    put(key: string, bytes: Uint8Array, options: { httpMetadata: { contentType: string } }): Promise<unknown>;
  };
  DB: {
    prepare(sql: string): LocalStatement & { bind(...values: unknown[]): LocalStatement };
    /** In one transaction. */
    batch(statements: LocalStatement[]): Promise<unknown>;
  };
}

/** The local R2 and D1 under `state` (what `wrangler dev --persist-to` takes). `close` must be called, or the process stays. */
export async function openLocalPlatform(state = LOCAL_STATE): Promise<{ bindings: LocalBindings; close(): Promise<void> }> {
  // Loading wrangler takes a second, for which no other command should wait.
  const { getPlatformProxy } = await import('wrangler');
  const folder = await mkdtemp(path.join(tmpdir(), 'diptych-platform-'));
  try {
    const { env, dispose } = await getPlatformProxy<Record<string, unknown>>({
      configPath: await writeStorageConfig(folder),
      persist: { path: path.join(state, 'v3') },
      // Buckets and databases need no secrets. Wrangler tells on stdout, where results go, which file it took them from: it gets one
      // that is not there.
      envFiles: ['.no-secrets'],
    });
    return { bindings: env as unknown as LocalBindings, close: dispose };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** `wrangler.toml` with its buckets and databases alone: of Durable Objects, which need the Worker, wrangler says aloud that they do not work here. */
async function writeStorageConfig(folder: string): Promise<string> {
  const { experimental_readRawConfig: readRawConfig } = await import('wrangler');
  const { name, compatibility_date, r2_buckets, d1_databases } = readRawConfig({ config: path.join(PROJECT, 'wrangler.toml') }).rawConfig;
  const file = path.join(folder, 'wrangler.json');
  await writeFile(file, JSON.stringify({ name, compatibility_date, r2_buckets, d1_databases }));
  return file;
}
