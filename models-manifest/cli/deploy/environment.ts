import { fileURLToPath } from 'node:url';
import { DiptychError } from '../../../shared/errors.ts';

/** The environments of wrangler.toml that are deployed. */
export const ENVIRONMENTS = ['staging', 'production'] as const;
export type EnvironmentName = (typeof ENVIRONMENTS)[number];

/** What wrangler.toml says of one environment, as far as it must exist in the account. */
export interface Environment {
  name: EnvironmentName;
  worker: string;
  database: { binding: string; name: string; id: string };
  /** By binding. */
  buckets: Record<string, string>;
  /** The dead letter queue first: another can only name it when it exists. */
  queues: string[];
  vars: Record<string, unknown>;
  routes: unknown;
}

/** @throws `usage` when `name` is no environment that is deployed */
export function environmentName(name: string | undefined): EnvironmentName {
  const known = ENVIRONMENTS.find((environment) => environment === name);
  if (known) return known;
  throw new DiptychError('usage', `${name ?? 'nothing'} is no environment that can be deployed: name ${ENVIRONMENTS.join(' or ')}`);
}

const WRANGLER_TOML = fileURLToPath(new URL('../../../wrangler.toml', import.meta.url));

/** The part of a wrangler configuration that concerns us. */
interface WranglerConfig {
  name: string;
  account_id?: string;
  d1_databases: { binding: string; database_name: string; database_id: string }[];
  r2_buckets: { binding: string; bucket_name: string }[];
  queues: { producers: { queue: string }[]; consumers: { queue: string; dead_letter_queue?: string }[] };
  vars: Record<string, unknown>;
  [key: string]: unknown;
}

/** Wrangler's own reading of wrangler.toml; of the local edge without a name. */
export async function readWranglerConfig(name?: EnvironmentName): Promise<WranglerConfig> {
  // Loading wrangler takes a second, for which no other command should wait.
  const { unstable_readConfig } = await import('wrangler');
  return unstable_readConfig({ config: WRANGLER_TOML, env: name }, { hideWarnings: true }) as unknown as WranglerConfig;
}

export async function readEnvironment(name: EnvironmentName): Promise<Environment> {
  const config = await readWranglerConfig(name);
  const [database] = config.d1_databases;
  if (!database) throw new DiptychError('usage', `wrangler.toml: [[env.${name}.d1_databases]] is missing`);
  const { producers, consumers } = config.queues;
  const dead = consumers.flatMap(({ dead_letter_queue }) => dead_letter_queue ?? []);
  const alive = [...producers, ...consumers].map(({ queue }) => queue);
  return {
    name,
    worker: config.name,
    database: { binding: database.binding, name: database.database_name, id: database.database_id },
    buckets: Object.fromEntries(config.r2_buckets.map(({ binding, bucket_name }) => [binding, bucket_name])),
    queues: [...new Set([...dead, ...alive])],
    vars: config.vars,
    routes: config['routes'],
  };
}
