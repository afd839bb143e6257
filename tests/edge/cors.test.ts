import { describe, expect, test } from 'vitest';
import { originPattern } from '../../shared/origins.ts';
import { problemOf, fetchEdge } from './fetch-edge.ts';
import { insertSite, publish } from './store-fixture.ts';

await publish();
await insertSite('pk_cors', ['https://shop.example', 'https://*.wild.example', 'http://localhost:*', 'http://lan.example:8080']);

const ORIGINS = [
  { origin: 'https://shop.example', allowed: true },
  { origin: 'https://a.wild.example', allowed: true },
  { origin: 'https://a.b.wild.example', allowed: true },
  { origin: 'http://localhost', allowed: true },
  { origin: 'http://localhost:5173', allowed: true },
  { origin: 'http://lan.example:8080', allowed: true },
  { origin: 'null', allowed: false },
  { origin: '*', allowed: false },
  { origin: 'http://shop.example', allowed: false },
  { origin: 'https://shop.example:8443', allowed: false },
  { origin: 'https://shop.example.', allowed: false },
  { origin: 'https://shop.example/', allowed: false },
  { origin: 'https://www.shop.example', allowed: false },
  { origin: 'https://shop.example.evil.example', allowed: false },
  { origin: 'https://evilshop.example', allowed: false },
  { origin: 'https://shop.example@evil.example', allowed: false },
  // Browsers send origins in lower case; anything else is no browser's page.
  { origin: 'https://SHOP.example', allowed: false },
  { origin: 'HTTPS://shop.example', allowed: false },
  { origin: 'https://wild.example', allowed: false },
  { origin: 'https://evilwild.example', allowed: false },
  { origin: 'https://a.wild.example:444', allowed: false },
  { origin: 'http://a.wild.example', allowed: false },
  { origin: 'https://evil.example/.wild.example', allowed: false },
  { origin: 'http://localhost.evil.example', allowed: false },
  { origin: 'http://localhost:80.evil.example', allowed: false },
  { origin: 'http://127.0.0.1:5173', allowed: false },
  { origin: 'http://lan.example:80800', allowed: false },
];

describe.for(ORIGINS)('$origin', ({ origin, allowed }) => {
  test('a request', async () => {
    const response = await fetchEdge('/v1/manifest?site=pk_cors', { headers: { origin } });
    expect(response.headers.get('access-control-allow-origin')).toBe(allowed ? origin : null);
    expect(response.headers.get('vary')).toContain('Origin');
    expect(response.status).toBe(allowed ? 200 : 403);
    expect(await response.text()).toContain(allowed ? '"version":1' : '"code":"origin_not_allowed"');
  });

  test('its preflight', async () => {
    const headers = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' };
    const response = await fetchEdge('/v1/downloads?site=pk_cors', { method: 'OPTIONS', headers });
    expect(response.headers.get('access-control-allow-origin')).toBe(allowed ? origin : null);
    expect(response.headers.get('access-control-allow-methods')).toBe('GET,HEAD,POST');
    expect(response.headers.get('access-control-allow-headers')).toMatch(/Content-Type.*Range/);
    expect(response.headers.get('vary')).toContain('Origin');
    expect(response.status).toBe(204);
  });
});

test('the edge’s own origin needs no CORS', async () => {
  const response = await fetchEdge('/v1/manifest?site=pk_cors', { headers: { origin: 'https://edge.example' } });
  expect(response.status).toBe(200);
  expect(response.headers.get('access-control-allow-origin')).toBeNull();
  await response.body?.cancel();
});

test('an allowed page may read why it was refused', async () => {
  const response = await fetchEdge('/v1/downloads?site=pk_cors', {
    method: 'POST',
    headers: { origin: 'https://shop.example' },
    body: '?',
  });
  expect(response.headers.get('access-control-allow-origin')).toBe('https://shop.example');
  expect(await problemOf(response)).toMatchObject({ status: 400, code: 'request_invalid' });
});

test('no site, no CORS', async () => {
  for (const query of ['', '?site=pk_nobody']) {
    const response = await fetchEdge(`/v1/manifest${query}`, { headers: { origin: 'https://shop.example' } });
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    await response.body?.cancel();
  }
});

test.for([
  ['https://shop.example', 'https://shop.example'],
  ['HTTPS://Shop.Example:443/', 'https://shop.example'],
  ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
  ['https://*.shop.example', 'https://*.shop.example'],
  ['http://localhost:*', 'http://localhost:*'],
  ['HTTPS://*.Shop.Example/', 'https://*.shop.example'],
  // Browsers leave the default port out, so that a pattern with it would match nothing.
  ['https://*.shop.example:443', 'https://*.shop.example'],
  ['https://*.shop.example:8443', 'https://*.shop.example:8443'],
  ['http://LOCALHOST:*', 'http://localhost:*'],
  // Browsers send Punycode.
  ['https://bücher.example', 'https://xn--bcher-kva.example'],
  ['https://*.bücher.example', 'https://*.xn--bcher-kva.example'],
  // Two letters that look alike are two names.
  ['https://ѕhop.example', 'https://xn--hop-ehd.example'],
  ['https://shop.example:99999', undefined],
  ['https://*.shop.example:99999', undefined],
  ['https://shop.example.', undefined],
  ['https://*.192.168.1.1', undefined],
  ['https://[::1]', undefined],
  ['https://*.*.example', undefined],
  ['https://shop.*.example', undefined],
  ['https://shop*.example', undefined],
  ['https:shop.example', undefined],
  ['https:\\\\shop.example', undefined],
  [' https://shop.example', undefined],
  ['https://shop.example\n', undefined],
  ['https://sh\top.example', undefined],
  ['https://*.com', undefined],
  ['http://*.shop.example', undefined],
  ['https://*', undefined],
  ['*', undefined],
  ['null', undefined],
  ['shop.example', undefined],
  ['https://shop.example/path', undefined],
  ['https://user@shop.example', undefined],
  ['https://shop.example?', undefined],
  // A host may hold these by the URL standard; in a frame-ancestors they would start another directive.
  ['https://a;script-src', undefined],
  ["https://a'b", undefined],
  ['ftp://shop.example', undefined],
  ['data:text/html,x', undefined],
] as const)('the pattern %s', ([text, pattern]) => {
  expect(originPattern(text)).toBe(pattern);
  expect(originPattern(pattern ?? '')).toBe(pattern);
});
