import path from 'node:path';
import { getPlatformProxy } from 'wrangler';

/** Where `wrangler dev` keeps its local R2, D1 and queues. */
export const LOCAL_STATE = '.wrangler/state';

/** The bindings that the command line uses, as `wrangler.toml` names them. */
interface LocalBindings {
  WEIGHTS: {
    head(key: string): Promise<{ size: number } | null>;
    put(key: string, bytes: Uint8Array, options: { httpMetadata: { contentType: string } }): Promise<unknown>;
  };
  DB: {
    prepare(sql: string): {
      bind(...values: unknown[]): { run(): Promise<unknown> };
      all(): Promise<{ results: Record<string, unknown>[] }>;
    };
  };
}

/** The local R2 and D1 under `state` (what `wrangler dev --persist-to` takes). `close` must be called, or the process stays. */
export async function openLocalPlatform(state = LOCAL_STATE): Promise<{ bindings: LocalBindings; close(): Promise<void> }> {
  const { env, dispose } = await getPlatformProxy<Record<string, unknown>>({
    configPath: 'wrangler.toml',
    persist: { path: path.join(state, 'v3') },
  });
  return { bindings: env as unknown as LocalBindings, close: dispose };
}
