import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, test, vi } from 'vitest';
import { createApp } from '../../worker/app.ts';
import type { Env } from '../../worker/env.ts';
import type { Health } from '../../worker/routes/healthz.ts';
import { EDGE, fetchEdge } from './fetch-edge.ts';

test('everything is bound here', async () => {
  const response = await fetchEdge('/healthz');
  expect(await response.json()).toEqual({
    status: 'ok',
    checks: { weights: 'ok', archive: 'ok', database: 'ok', queue: 'ok', files: 'ok', signing: 'ok', presigning: 'ok', quotas: 'ok' },
    optional: { analytics: 'ok', limits: 'ok', admin: 'ok' },
  });
  expect(response.status).toBe(200);
});

test.for([
  { lacks: 'WEIGHTS', check: 'weights', command: 'npx wrangler r2 bucket create diptych-weights' },
  { lacks: 'ARCHIVE', check: 'archive', command: 'npx wrangler r2 bucket create diptych-telemetry-archive' },
  { lacks: 'ASSETS', check: 'files', command: 'npm run build' },
  { lacks: 'DB', check: 'database', command: 'npx wrangler d1 create diptych' },
  { lacks: 'TELEMETRY', check: 'queue', command: 'npx wrangler queues create diptych-telemetry' },
  { lacks: 'QUOTAS', check: 'quotas', command: 'npx wrangler deploy' },
  { lacks: 'SIGNING_KEYS', check: 'signing', command: 'npx wrangler secret put SIGNING_KEYS' },
] as const)('without $lacks it says what to run', async ({ lacks, check, command }) => {
  const bindings: Env = { ...env };
  delete (bindings as Partial<Env>)[lacks];
  const response = await createApp().fetch(new Request(`${EDGE}/healthz`), bindings, createExecutionContext());
  const health = await response.json<Health>();
  expect(response.status).toBe(503);
  expect(health.status).toBe('unavailable');
  expect(health.checks[check]).toContain(command);
  expect(Object.values(health.checks).filter((outcome) => outcome === 'ok')).toHaveLength(Object.keys(health.checks).length - 1);
});

test.for([
  { lacks: ['ANALYTICS'], part: 'analytics', says: 'ANALYTICS is not bound' },
  { lacks: ['LIMIT_SITE'], part: 'limits', says: 'LIMIT_SITE' },
  { lacks: ['ADMIN_TOKEN', 'ACCESS_TEAM_DOMAIN', 'ACCESS_AUD'], part: 'admin', says: 'npx wrangler secret put ADMIN_TOKEN' },
] as const)('without $lacks all is well, and it says what that means', async ({ lacks, part, says }) => {
  const bindings: Env = { ...env };
  for (const name of lacks) delete bindings[name];
  const response = await createApp().fetch(new Request(`${EDGE}/healthz`), bindings, createExecutionContext());
  expect(response.status).toBe(200);
  expect((await response.json<Health>()).optional[part]).toContain(says);
});

test('what a library says of a part goes to the log, not to strangers', async () => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const WEIGHTS = { head: async () => Promise.reject(new Error('internal reason')) } as unknown as R2Bucket;
  const response = await createApp().fetch(new Request(`${EDGE}/healthz`), { ...env, WEIGHTS }, createExecutionContext());
  const text = await response.text();
  expect(response.status).toBe(503);
  expect(text).not.toContain('internal reason');
  expect(text).toContain(response.headers.get('x-request-id'));
  expect(log.mock.calls.flat().join()).toContain('internal reason');
  log.mockRestore();
});

test('an unapplied migration is named with its command', async () => {
  await env.DB.prepare('DROP TABLE telemetry_events').run();
  const health = await (await fetchEdge('/healthz')).json<Health>();
  expect(health.checks['database']).toContain('npx wrangler d1 migrations apply diptych --local');
});
