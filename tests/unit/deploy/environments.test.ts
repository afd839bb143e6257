import { expect, test } from 'vitest';
import { ENVIRONMENTS, readEnvironment, readWranglerConfig } from '../../../models-manifest/cli/deploy/environment.ts';

/** What an environment does not inherit (https://developers.cloudflare.com/workers/wrangler/configuration/#non-inheritable-keys). */
const REPEATED = [
  'analytics_engine_datasets',
  'd1_databases',
  'define',
  'durable_objects',
  'kv_namespaces',
  'queues',
  'r2_buckets',
  'ratelimits',
  'services',
  'vars',
] as const;

/** Values that name something of one environment alone, by their key. */
const NAMES = new Set(['bucket_name', 'database_name', 'queue', 'dead_letter_queue', 'dataset', 'namespace_id']);

const local = await readWranglerConfig();
const configs = await Promise.all(ENVIRONMENTS.map(async (name) => ({ name, config: await readWranglerConfig(name) })));

/** As it would read with the names of the local edge. */
function localNames(value: unknown, environment: string): unknown {
  const text = JSON.stringify(value, (key, member: unknown) => (key === 'database_id' || key === 'namespace_id' ? undefined : member));
  return JSON.parse(text.replaceAll(`diptych-${environment}`, 'diptych').replaceAll(`diptych_${environment}`, 'diptych'));
}

function namesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => (NAMES.has(key) ? [`${key} ${String(member)}`] : namesIn(member)));
}

test.for(configs.flatMap(({ name, config }) => REPEATED.map((key) => ({ name, key, value: config[key] }))))(
  '$name repeats $key of the local edge',
  ({ name, key, value }) => {
    expect(localNames(value, name)).toEqual(localNames(local[key], 'none'));
  },
);

test('no name of anything is shared between environments', () => {
  const names = [local, ...configs.map(({ config }) => config)].flatMap((config) => [
    `worker ${config.name}`,
    ...new Set(REPEATED.flatMap((key) => namesIn(config[key]))),
  ]);
  expect(names.length).toBeGreaterThan(3 * 6);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

test.for([undefined, ...ENVIRONMENTS])('%s names no account', async (name) => {
  const config = await readWranglerConfig(name);
  expect(config.account_id).toBeUndefined();
});

test('production, as the account must hold it', async () => {
  expect(await readEnvironment('production')).toMatchObject({
    name: 'production',
    worker: 'diptych-production',
    database: { binding: 'DB', name: 'diptych-production' },
    buckets: { WEIGHTS: 'diptych-production-weights', ARCHIVE: 'diptych-production-telemetry-archive' },
    queues: ['diptych-production-telemetry-dead', 'diptych-production-telemetry'],
  });
});
