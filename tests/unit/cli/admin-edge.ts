import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from 'vitest';
import { WRANGLER_ENV } from '../../../models-manifest/cli/publish/wrangler.ts';

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));

export const ADMIN_TOKEN = 'command-line-tests-admin-token-0123456789';

const KEY = Buffer.alloc(32, 1).toString('base64');

interface AdminEdge {
  /** `http://127.0.0.1:<port>`; there once the tests run. */
  origin: string;
  /** Puts an object into the bucket of weights. */
  put(key: string, text: string): Promise<void>;
  /** Runs a statement in the database. */
  sql(statement: string, ...values: unknown[]): Promise<void>;
}

/** The Worker of `wrangler.toml` with fresh storage, gone after the test file, its secrets in `root`. To be called where the file is collected. */
export function adminEdge(root: string): AdminEdge {
  const early = () => Promise.reject(new Error('it has not started'));
  const edge: AdminEdge = { origin: '', put: early, sql: early };
  let close: () => Promise<void>;
  beforeAll(async () => {
    // It reads them when it is loaded.
    Object.assign(process.env, WRANGLER_ENV, { WRANGLER_LOG: 'error' });
    const { createTestHarness, experimental_readRawConfig: readRawConfig } = await import('wrangler');
    // Without rate limits: these tests ask faster than any operator.
    const { assets: _, env: __, ratelimits: ___, ...config } = readRawConfig({ config: path.join(PROJECT, 'wrangler.toml') }).rawConfig;
    const migrations = { migrations_dir: path.join(PROJECT, 'worker/migrations') };
    const worker = {
      ...config,
      main: path.join(PROJECT, 'worker/index.ts'),
      d1_databases: config.d1_databases?.map((database: object) => ({ ...database, ...migrations })) ?? [],
    };
    await writeFile(path.join(root, '.dev.vars'), `SIGNING_KEYS="tests:${KEY}"\nADMIN_TOKEN="console:${ADMIN_TOKEN}"\n`);
    const harness = createTestHarness({ root, workers: [{ config: worker }] });
    close = () => harness.close();
    const { url } = await harness.listen();
    await harness.getWorker().applyD1Migrations('DB');
    const { WEIGHTS, DB } = await harness.getWorker().getEnv();
    edge.origin = url.origin;
    edge.put = async (key, text) => void (await WEIGHTS.put(key, text));
    edge.sql = async (statement, ...values) =>
      void (await DB.prepare(statement)
        .bind(...values)
        .run());
  }, 60_000);
  afterAll(() => close());
  return edge;
}
