import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, test, vi } from 'vitest';
import { createApp } from '../../worker/app.ts';
import type { Env } from '../../worker/env.ts';
import { EDGE, problemOf, fetchEdge } from './fetch-edge.ts';
import { insertSite } from './store-fixture.ts';

await insertSite('pk_here', ['https://here.example']);
await insertSite('pk_gone', [], 1);

test.for(['/', '/v1', '/v1/nothing', '/embed/studio.html', '/V1/manifest'])('%s is no route', async (path) => {
  expect(await problemOf(await fetchEdge(path))).toMatchObject({ status: 404, code: 'route_not_found' });
});

test.for([
  { method: 'POST', path: '/v1/manifest', allow: 'GET, HEAD' },
  { method: 'GET', path: '/v1/downloads', allow: 'POST' },
  { method: 'PUT', path: '/v1/weights/abc', allow: 'GET, HEAD' },
  { method: 'DELETE', path: '/v1/telemetry', allow: 'POST' },
  { method: 'POST', path: '/embed/studio', allow: 'GET, HEAD' },
  { method: 'OPTIONS', path: '/healthz', allow: 'GET, HEAD' },
])('$method $path is answered with what the route takes', async ({ method, path, allow }) => {
  const response = await fetchEdge(path, { method });
  expect(response.headers.get('allow')).toBe(allow);
  expect(await problemOf(response)).toMatchObject({ status: 405, code: 'method_not_allowed' });
});

describe('site keys', () => {
  test.for([
    { path: '/v1/manifest', status: 401, code: 'site_key_missing' },
    { path: '/v1/manifest?site=', status: 401, code: 'site_key_missing' },
    { path: '/v1/manifest?site=pk_nobody', status: 403, code: 'site_unknown' },
    { path: '/v1/manifest?site=PK_HERE', status: 403, code: 'site_unknown' },
    { path: "/v1/manifest?site=pk_here'--", status: 403, code: 'site_unknown' },
    { path: '/v1/manifest?site=pk_gone', status: 403, code: 'site_disabled' },
  ] as const)('$path is $code', async ({ path, status, code }) => {
    expect(await problemOf(await fetchEdge(path))).toMatchObject({ status, code });
  });

  test('a change of a site is seen after 15 seconds', async () => {
    let now = 0;
    const app = createApp({ now: () => now });
    const code = async () => {
      const response = await app.fetch(new Request(`${EDGE}/v1/manifest?site=pk_change`), env, createExecutionContext());
      return (await response.json<{ code: string }>()).code;
    };
    await insertSite('pk_change', []);
    expect(await code()).toBe('catalogue_missing');
    await env.DB.prepare("UPDATE sites SET disabled = 1 WHERE id = 'pk_change'").run();
    now = 14_999;
    expect(await code()).toBe('catalogue_missing');
    now = 15_000;
    expect(await code()).toBe('site_disabled');
  });

  test('a row whose origin is none is the operator’s to mend', async () => {
    await insertSite('pk_crooked', ['https://ok.example', 'https://not.example/path']);
    expect(await problemOf(await fetchEdge('/v1/manifest?site=pk_crooked'))).toMatchObject({
      status: 503,
      code: 'edge_not_ready',
      detail: expect.stringContaining('https://not.example/path'),
    });
  });
});

async function answer(path: string, bindings: Env): Promise<Response> {
  return createApp().fetch(new Request(EDGE + path), bindings, createExecutionContext());
}

describe('what is not set up', () => {
  test.for([
    { lacks: 'DB', path: '/v1/manifest?site=pk_here', command: 'npx wrangler d1 create diptych' },
    { lacks: 'WEIGHTS', path: '/v1/manifest?site=pk_here', command: 'npx wrangler r2 bucket create' },
    { lacks: 'SIGNING_KEYS', path: '/v1/weights/abc?site=a&exp=1&kid=a&sig=a', command: 'npx wrangler secret put SIGNING_KEYS' },
  ] as const)('$lacks is named with the command that makes it', async ({ lacks, path, command }) => {
    const bindings: Env = { ...env };
    delete (bindings as Partial<Env>)[lacks];
    expect(await problemOf(await answer(path, bindings))).toMatchObject({
      status: 503,
      code: 'edge_not_ready',
      detail: expect.stringContaining(command),
    });
  });

  test('what broke on our side stays in the log', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const WEIGHTS = { get: async () => Promise.reject(new Error('secret reason')) } as unknown as R2Bucket;
    const { detail, request_id, ...problem } = await problemOf(await answer('/v1/manifest?site=pk_here', { ...env, WEIGHTS }));
    expect(problem).toMatchObject({ status: 500, code: 'internal' });
    expect(detail).not.toContain('secret reason');
    const lines = log.mock.calls.map(([line]) => JSON.parse(String(line)) as object);
    expect(lines).toContainEqual(expect.objectContaining({ event: 'fault', message: 'secret reason', request_id }));
    log.mockRestore();
  });

  test('a missing table is named with its command', async () => {
    await env.DB.prepare('DROP TABLE site_keys').run();
    expect(await problemOf(await fetchEdge('/v1/manifest?site=pk_fresh'))).toMatchObject({
      status: 503,
      code: 'edge_not_ready',
      detail: expect.stringContaining('npx wrangler d1 migrations apply diptych --local'),
    });
  });
});
