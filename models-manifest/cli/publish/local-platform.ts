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
  const { env, dispose } = await getPlatformProxy<Record<string, unknown>>({
    configPath: path.join(PROJECT, 'wrangler.toml'),
    persist: { path: path.join(state, 'v3') },
    // Buckets and databases need no secrets. Wrangler tells on stdout, where results go, which file it took them from: it gets one
    // that is not there.
    envFiles: ['.no-secrets'],
  });
  return { bindings: env as unknown as LocalBindings, close: dispose };
}
