import { DiptychError } from '../../shared/errors.ts';
import type { Clock } from '../clock.ts';
import type { EdgeContext } from '../edge.ts';
import { binding, type Env } from '../env.ts';
import type { KeyRings } from '../key-ring.ts';
import { unboundLimits } from '../limits/rate-limit.ts';
import { logError } from '../logging/log.ts';
import { checkPresigning } from '../presign.ts';
import { CATALOGUE_KEY } from '../storage/catalogue.ts';
import { explainDatabaseError } from '../storage/database-error.ts';

export interface Health {
  status: 'ok' | 'unavailable';
  /** For each part `ok`, or what is wrong and the command that mends it. */
  checks: Record<string, string>;
  /** What the edge does without, so that it changes no status: `ok`, or what its absence means. */
  optional: Record<string, string>;
}

/** `GET /healthz`: whether everything that the edge needs is bound and answers. */
export const healthz = (keyRings: KeyRings, now: Clock) =>
  async function healthz(c: EdgeContext): Promise<Response> {
    const parts = Object.entries(checks(c.env, keyRings, now));
    const answers = await Promise.all(parts.map(async ([name, check]) => [name, await outcome(c, name, check)] as const));
    const ok = answers.every(([, answer]) => answer === 'ok');
    const health: Health = { status: ok ? 'ok' : 'unavailable', checks: Object.fromEntries(answers), optional: optional(c.env) };
    return c.json(health, ok ? 200 : 503, { 'cache-control': 'no-store' });
  };

function checks(env: Env, keyRings: KeyRings, now: Clock): Record<string, () => Promise<unknown>> {
  return {
    weights: async () => binding(env, 'WEIGHTS').head(CATALOGUE_KEY),
    archive: async () => binding(env, 'ARCHIVE').head(CATALOGUE_KEY),
    database: async () => binding(env, 'DB').batch(TABLES.map((table) => countOne(env, table))),
    // A queue answers nothing that could be asked without putting something in, nor do static files without being read.
    queue: async () => binding(env, 'TELEMETRY'),
    files: async () => binding(env, 'ASSETS'),
    signing: async () => keyRings.of(env),
    presigning: async () => checkPresigning(env, CATALOGUE_KEY, now()),
    quotas: async () => binding(env, 'QUOTAS'),
  };
}

const TABLES = [
  'sites',
  'site_keys',
  'audit',
  'telemetry_batches',
  'telemetry_events',
  'telemetry_hours',
  'telemetry_histograms',
  'telemetry_dead',
];

const countOne = (env: Env, table: string) => env.DB.prepare(`SELECT 1 FROM ${table} LIMIT 1`);

function optional(env: Env): Health['optional'] {
  const { ANALYTICS, ADMIN_TOKEN, ACCESS_TEAM_DOMAIN, ACCESS_AUD } = env;
  const unlimited = unboundLimits(env);
  const admin = Boolean(ADMIN_TOKEN ?? (ACCESS_TEAM_DOMAIN && ACCESS_AUD));
  return {
    analytics: ANALYTICS ? 'ok' : 'ANALYTICS is not bound: raw points go nowhere. Telemetry is counted all the same.',
    limits: unlimited.length === 0 ? 'ok' : `Not bound, and so not limited: ${unlimited.join(', ')}. See docs/limits.md.`,
    admin: admin ? 'ok' : 'Nobody may administer this edge. Run: npx wrangler secret put ADMIN_TOKEN.',
  };
}

/** What the edge itself has to say of a part goes out; what some library said of it is for the log. */
async function outcome(c: EdgeContext, part: string, check: () => Promise<unknown>): Promise<string> {
  try {
    await check();
    return 'ok';
  } catch (thrown) {
    const reason = explainDatabaseError(thrown);
    if (reason instanceof DiptychError) return reason.message;
    logError('check_failed', reason, { request_id: c.var.requestId, part });
    return `It does not answer. The operator finds the reason in the log of this edge, under ${c.var.requestId}.`;
  }
}
