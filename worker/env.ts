import { DiptychError } from '../shared/errors.ts';

/** What `wrangler.toml` binds, and the one secret. */
export interface Env {
  ASSETS: Fetcher;
  WEIGHTS: R2Bucket;
  DB: D1Database;
  TELEMETRY: Queue;
  SIGNING_KEYS: string;
}

/** The command that makes each binding, for the error that names it. */
const FIXES: Record<keyof Env, string> = {
  ASSETS: 'npm run build',
  WEIGHTS: 'npx wrangler r2 bucket create diptych-weights',
  DB: 'npx wrangler d1 create diptych',
  TELEMETRY: 'npx wrangler queues create diptych-telemetry',
  SIGNING_KEYS: 'npx wrangler secret put SIGNING_KEYS (locally: cp .dev.vars.example .dev.vars)',
};

/** @throws `edge_not_ready` when the binding is missing, naming the command that makes it. */
export function binding<Name extends keyof Env>(env: Partial<Env>, name: Name): Env[Name] {
  const bound = env[name];
  if (bound !== undefined) return bound as Env[Name];
  throw new DiptychError('edge_not_ready', `The binding ${name} is missing. Run: ${FIXES[name]}, and see wrangler.toml.`, {
    binding: name,
  });
}
