import { createExecutionContext } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { SECURITY_HEADERS } from '../../shared/security-headers.ts';
import { createApp } from '../../worker/app.ts';
import { readKeyRing } from '../../worker/key-ring.ts';
import { signedPath } from '../../worker/signing.ts';
import { EDGE } from './fetch-edge.ts';
import { hashOf, insertBlob, insertSite, publish } from './store-fixture.ts';

const ORIGIN = 'https://page.example';
await publish();
await insertSite('pk_headers', [ORIGIN]);
const sha256 = await insertBlob(new Uint8Array(100));
const signed = await signedPath(
  { sha256, site: 'pk_headers', exp: Math.floor(Date.now() / 1000) + 600 },
  await readKeyRing(env.SIGNING_KEYS),
);

/** Those whose value a route may replace by its own. */
const OWN = new Set(['content-security-policy', 'cross-origin-resource-policy']);

function expectSecured(response: Response, what: string): void {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
    const sent = response.headers.get(name);
    expect(OWN.has(name) && sent !== null ? value : sent, `${what}: ${name}`).toBe(value);
  }
  // Two policies of one answer would be joined by a comma.
  expect(response.headers.get('content-security-policy'), what).toMatch(/^default-src 'none'[^,]*frame-ancestors [^,]+$/);
  expect(response.headers.get('cross-origin-resource-policy'), what).toMatch(/^(same|cross)-origin$/);
  expect(response.headers.get('x-request-id'), what).toMatch(/^[0-9a-f-]{36}$/);
}

const ROUTES = [
  ...new Set(
    createApp()
      .routes.filter(({ method }) => method !== 'ALL')
      .map(({ path }) => path),
  ),
];
const PATHS = [
  ...ROUTES.map((path) => path.replace(':sha256', hashOf('a')).replaceAll(/:\w+/g, 'x')),
  '/',
  '/nothing',
  '/v1/%00',
  '/v1//manifest',
];
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'];

test.for(PATHS)('%s, by every method, with and without a site', async (path) => {
  for (const method of METHODS) {
    for (const query of ['', '?site=pk_headers', '?site=pk_nobody']) {
      for (const headers of [{}, { origin: ORIGIN, 'access-control-request-method': method }]) {
        const response = await exports.default.fetch(new Request(EDGE + path + query, { method, headers }));
        await response.body?.cancel();
        expectSecured(response, `${method} ${path}${query} of ${'origin' in headers ? ORIGIN : 'nowhere'} (${response.status})`);
      }
    }
  }
});

test.for([
  { what: 'a whole file', path: signed, headers: {}, status: 200 },
  { what: 'a range', path: signed, headers: { range: 'bytes=0-9' }, status: 206 },
  { what: 'a range that is none', path: signed, headers: { range: 'bytes=500-' }, status: 416 },
  { what: 'a file that has not changed', path: signed, headers: { 'if-none-match': `"${sha256}"` }, status: 304 },
  { what: 'a catalogue that has not changed', path: '/v1/manifest?site=pk_headers', headers: { 'if-none-match': '*' }, status: 304 },
  { what: 'the studio page', path: '/embed/studio?site=pk_headers', headers: {}, status: 200 },
])('$what', async ({ path, headers, status }) => {
  const response = await exports.default.fetch(new Request(EDGE + path, { headers: headers as Record<string, string> }));
  await response.body?.cancel();
  expect(response.status).toBe(status);
  expectSecured(response, path);
});

test('what broke', async () => {
  const broken = { get: async () => Promise.reject(new Error('broken')) } as unknown as R2Bucket;
  const request = new Request(`${EDGE}/v1/manifest?site=pk_headers`);
  const response = await createApp().fetch(request, { ...env, WEIGHTS: broken }, createExecutionContext());
  expect(response.status).toBe(500);
  expectSecured(response, 'what broke');
});

/** Static files and what the cache holds come with headers that cannot be set. */
test('an answer that came from elsewhere', async () => {
  const app = createApp();
  app.get('/elsewhere', async () => env.ASSETS.fetch(`${EDGE}/embed/studio`));
  const response = await app.fetch(new Request(`${EDGE}/elsewhere`), env, createExecutionContext());
  expect(await response.text()).toContain('<html');
  expectSecured(response, 'elsewhere');
});

test('only the studio page may be framed, by its site alone; only weights may be read across origins', async () => {
  const studio = await exports.default.fetch(`${EDGE}/embed/studio?site=pk_headers`);
  expect(studio.headers.get('content-security-policy')).toMatch(new RegExp(`frame-ancestors 'self' ${ORIGIN}$`));
  const file = await exports.default.fetch(EDGE + signed);
  expect(file.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
  for (const response of [studio, file]) await response.body?.cancel();
  for (const path of ['/healthz', '/openapi.json', '/v1/manifest?site=pk_headers', '/nothing']) {
    const response = await exports.default.fetch(EDGE + path);
    await response.body?.cancel();
    expect(response.headers.get('content-security-policy'), path).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(response.headers.get('cross-origin-resource-policy'), path).toBe('same-origin');
  }
});
