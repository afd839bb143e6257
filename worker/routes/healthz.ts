import type { EdgeContext } from '../edge.ts';
import { binding, type Env } from '../env.ts';
import type { KeyRings } from '../key-ring.ts';
import { CATALOGUE_KEY } from '../storage/catalogue.ts';
import { explainDatabaseError } from '../storage/database-error.ts';

export interface Health {
  status: 'ok' | 'unavailable';
  /** For each part `ok`, or what is wrong and the command that mends it. */
  checks: Record<string, string>;
}

/** `GET /healthz`: whether everything that the edge needs is bound and answers. */
export const healthz = (keyRings: KeyRings) =>
  async function healthz(c: EdgeContext): Promise<Response> {
    const parts = Object.entries(checks(c.env, keyRings));
    const answers = await Promise.all(parts.map(async ([name, check]) => [name, await outcome(check)] as const));
    const ok = answers.every(([, answer]) => answer === 'ok');
    const health: Health = { status: ok ? 'ok' : 'unavailable', checks: Object.fromEntries(answers) };
    return c.json(health, ok ? 200 : 503, { 'cache-control': 'no-store' });
  };

function checks(env: Env, keyRings: KeyRings): Record<string, () => Promise<unknown>> {
  return {
    weights: async () => binding(env, 'WEIGHTS').head(CATALOGUE_KEY),
    database: async () => binding(env, 'DB').batch(TABLES.map((table) => countOne(env, table))),
    // A queue answers nothing that could be asked without putting something in.
    queue: async () => binding(env, 'TELEMETRY'),
    signing: async () => keyRings.of(env),
  };
}

const TABLES = ['sites', 'site_keys', 'audit', 'telemetry_batches', 'telemetry_events', 'telemetry_hours', 'telemetry_histograms', 'telemetry_dead'];

const countOne = (env: Env, table: string) => env.DB.prepare(`SELECT 1 FROM ${table} LIMIT 1`);

async function outcome(check: () => Promise<unknown>): Promise<string> {
  try {
    await check();
    return 'ok';
  } catch (thrown) {
    const reason = explainDatabaseError(thrown);
    return reason instanceof Error ? reason.message : String(reason);
  }
}
