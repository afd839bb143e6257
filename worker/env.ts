import { DiptychError } from '../shared/errors.ts';
import type { Quotas } from './limits/quotas.ts';

/** What `wrangler.toml` binds, and the secrets. */
export interface Env {
  ASSETS: Fetcher;
  WEIGHTS: R2Bucket;
  DB: D1Database;
  TELEMETRY: Queue;
  /** Old telemetry; a bucket of its own, for nobody else to read. */
  ARCHIVE: R2Bucket;
  /** One object a site, by its id. */
  QUOTAS: DurableObjectNamespace<Quotas>;
  SIGNING_KEYS: string;
  /** Who may administer: tokens, or an application of Cloudflare Access, or both. */
  ADMIN_TOKEN?: string;
  ACCESS_TEAM_DOMAIN?: string;
  ACCESS_AUD?: string;
  /** The bucket's S3 API address and a token's keys: set, downloads lead to the bucket itself. */
  R2_S3_API?: string;
  R2_ACCESS_KEY_ID?: string;
  R2_SECRET_ACCESS_KEY?: string;
  /** How often one network may ask, for weights and for anything else; how often in the name of one site; and by whom administered. */
  LIMIT_CLIENT?: RateLimit;
  LIMIT_WEIGHTS?: RateLimit;
  LIMIT_SITE?: RateLimit;
  LIMIT_ADMIN?: RateLimit;
  /** Raw points for exploring, where the operator's account has Analytics Engine. */
  ANALYTICS?: AnalyticsEngineDataset;
}

type Optional = 'ANALYTICS' | `R2_${string}` | `LIMIT_${string}` | 'ADMIN_TOKEN' | 'ACCESS_TEAM_DOMAIN' | 'ACCESS_AUD';

/** The command that makes each binding, for the error that names it. */
const FIXES: Record<Exclude<keyof Env, Optional>, string> = {
  ASSETS: 'npm run build',
  WEIGHTS: 'npx wrangler r2 bucket create diptych-weights',
  DB: 'npx wrangler d1 create diptych',
  TELEMETRY: 'npx wrangler queues create diptych-telemetry',
  ARCHIVE: 'npx wrangler r2 bucket create diptych-telemetry-archive',
  QUOTAS: 'npx wrangler deploy, which makes it from wrangler.toml',
  SIGNING_KEYS: 'npx wrangler secret put SIGNING_KEYS (locally: cp .dev.vars.example .dev.vars)',
};

/** @throws `edge_not_ready` when the binding is missing, naming the command that makes it. */
export function binding<Name extends keyof typeof FIXES>(env: Partial<Env>, name: Name): Env[Name] {
  const bound = env[name];
  if (bound !== undefined) return bound as Env[Name];
  throw new DiptychError(
    'edge_not_ready',
    `The binding ${name} is missing. Run: ${FIXES[name]}, and see wrangler.toml (deployed: npm run deploy says the names).`,
    {
      binding: name,
    },
  );
}
