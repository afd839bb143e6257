import path from 'node:path';
import { build } from 'esbuild';
import { convertV4MiniflareOptions, Miniflare, Response } from 'miniflare';
import { withDemoStore } from '../../models-manifest/cli/demo/with-demo-store.ts';
import { publish } from '../../models-manifest/cli/publish/publish.ts';
import { readWranglerConfig } from '../../models-manifest/cli/deploy/environment.ts';

const ROOT = path.join(import.meta.dirname, '../..');

/** Limits that never refuse: what is measured is what asking them costs. */
const UNLIMITED = Object.fromEntries(
  ['LIMIT_CLIENT', 'LIMIT_WEIGHTS', 'LIMIT_SITE', 'LIMIT_ADMIN'].map((name) => [
    name,
    { namespace_id: name, simple: { limit: 1e9, period: 10 as const } },
  ]),
);

/** In place of the built studio. */
const PAGE = '<!doctype html><script id="diptych-config" type="application/json"></script>';

/** What the Worker is given that `wrangler.toml` does not hold. */
export const SECRETS = {
  SIGNING_KEYS: `bench:${Buffer.alloc(32, 7).toString('base64')}`,
  ADMIN_TOKEN: `bench:${'token-of-the-bench-'.repeat(3)}`,
};

/**
 * workerd with the Worker that `entry` exports, bundled, and nothing between it and its socket: `wrangler dev` has a proxy there that costs more than
 * the Worker itself. Its storage is fresh.
 */
export async function openWorkerd(entry: string): Promise<Miniflare> {
  const { outputFiles } = await build({
    entryPoints: [path.join(ROOT, entry)],
    bundle: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', 'node:*'],
    write: false,
  });
  const { compatibility_date: compatibilityDate } = await readWranglerConfig();
  const options = convertV4MiniflareOptions({
    modules: [{ type: 'ESModule', path: 'edge.mjs', contents: outputFiles[0]!.text }],
    compatibilityDate: String(compatibilityDate),
    r2Buckets: ['WEIGHTS', 'ARCHIVE'],
    d1Databases: ['DB'],
    queueProducers: { TELEMETRY: 'telemetry' },
    queueConsumers: { telemetry: { maxBatchSize: 10, maxBatchTimeout: 1 } },
    durableObjects: { QUOTAS: { className: 'Quotas', useSQLite: true } },
    ratelimits: UNLIMITED,
    bindings: SECRETS,
    serviceBindings: { ASSETS: () => new Response(PAGE, { headers: { 'content-type': 'text/html' } }) },
    logRequests: false,
    // The Worker writes a line for each request; here nobody reads it.
    handleStructuredLogs: () => {},
  });
  const workerd = new Miniflare(options);
  await workerd.ready;
  const db = await workerd.getD1Database('DB');
  for (const sql of await migrations()) await db.prepare(sql).run();
  return workerd;
}

async function migrations(): Promise<string[]> {
  const { readD1Migrations } = await import('@cloudflare/vitest-plugin');
  return (await readD1Migrations(path.join(ROOT, 'worker/migrations'))).flatMap(({ queries }) => queries);
}

/** The demo's catalogue and files, and a site whose pages are on `origin`. */
export async function fillWorkerd(workerd: Miniflare, site: string, origin: string): Promise<void> {
  const bucket = await workerd.getR2Bucket('WEIGHTS');
  const db = await workerd.getD1Database('DB');
  await withDemoStore(async (store) => {
    const target = {
      name: 'the bench',
      has: async () => false,
      put: async (key: string, bytes: Uint8Array) => void (await bucket.put(key, bytes)),
      close: async () => {},
    };
    await publish(store, target, () => {});
  });
  await db
    .prepare('INSERT INTO sites (id, name, origins) VALUES (?1, ?1, ?2)')
    .bind(site, JSON.stringify([origin]))
    .run();
  await db.prepare('INSERT INTO site_keys (key, site) VALUES (?1, ?1)').bind(site).run();
}
