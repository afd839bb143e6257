import { getPlatformProxy } from 'wrangler';

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

/** The local R2 and D1 that `wrangler dev` uses. `close` must be called, or the process stays. */
export async function openLocalPlatform(): Promise<{ bindings: LocalBindings; close(): Promise<void> }> {
  const { env, dispose } = await getPlatformProxy<Record<string, unknown>>({ configPath: 'wrangler.toml', persist: true });
  return { bindings: env as unknown as LocalBindings, close: dispose };
}
