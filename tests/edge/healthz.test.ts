import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { createApp } from '../../worker/app.ts';
import type { Env } from '../../worker/env.ts';
import type { Health } from '../../worker/routes/healthz.ts';
import { EDGE, fetchEdge } from './fetch-edge.ts';

test('everything is bound here', async () => {
  const response = await fetchEdge('/healthz');
  expect(await response.json()).toEqual({ status: 'ok', checks: { weights: 'ok', database: 'ok', queue: 'ok', signing: 'ok' } });
  expect(response.status).toBe(200);
});

test.for([
  { lacks: 'WEIGHTS', check: 'weights', command: 'npx wrangler r2 bucket create diptych-weights' },
  { lacks: 'DB', check: 'database', command: 'npx wrangler d1 create diptych' },
  { lacks: 'TELEMETRY', check: 'queue', command: 'npx wrangler queues create diptych-telemetry' },
  { lacks: 'SIGNING_KEYS', check: 'signing', command: 'npx wrangler secret put SIGNING_KEYS' },
] as const)('without $lacks it says what to run', async ({ lacks, check, command }) => {
  const bindings: Env = { ...env };
  delete (bindings as Partial<Env>)[lacks];
  const response = await createApp().fetch(new Request(`${EDGE}/healthz`), bindings, createExecutionContext());
  const health = await response.json<Health>();
  expect(response.status).toBe(503);
  expect(health.status).toBe('unavailable');
  expect(health.checks[check]).toContain(command);
  expect(Object.values(health.checks).filter((outcome) => outcome === 'ok')).toHaveLength(3);
});

test('an unapplied migration is named with its command', async () => {
  await env.DB.prepare('DROP TABLE telemetry_events').run();
  const health = await (await fetchEdge('/healthz')).json<Health>();
  expect(health.checks['database']).toContain('npx wrangler d1 migrations apply diptych --local');
});
