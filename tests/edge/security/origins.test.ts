/** Pages of other sites, on every route that a page may use, and preflights of every route that there is. */
import { describe, expect, test } from 'vitest';
import { asAdmin, createSite } from '../admin-requests.ts';
import { fetchEdge, problemOf } from '../fetch-edge.ts';
import { insertBlob, publishShards } from '../store-fixture.ts';
import { documentedRequests, filled } from './documented-requests.ts';

const sha256 = await insertBlob(new TextEncoder().encode('weights') as Uint8Array<ArrayBuffer>);
await publishShards([{ sha256, bytes: 7 }]);
const { id, keys } = await createSite({
  name: 'Shop',
  // The third is of a name in other letters: it is kept in Punycode.
  origins: ['https://shop.example', 'https://*.wild.example', 'https://bücher.example', 'https://port.example:8443'],
  dailyGenerations: 1000,
  dailyBytes: 1_000_000,
});
const { key } = keys[0]!;

const ALLOWED = ['https://shop.example', 'https://a.wild.example', 'https://xn--bcher-kva.example', 'https://port.example:8443'];

const TRICKS: [origin: string, why: string][] = [
  ['null', 'sandboxed frames, data: and file: pages of anybody'],
  ['undefined', 'a text that a program may make of nothing'],
  ['*', 'a pattern is not an origin'],
  ['https://*.wild.example', 'the pattern itself is none either'],
  ['https://shop.example.evil.test', 'begins with an allowed one'],
  ['https://evilshop.example', 'ends with an allowed one'],
  ['https://evil.test/https://shop.example', 'holds an allowed one'],
  ['https://evil.test?https://shop.example', 'the same in a query'],
  ['https://evil.test#.wild.example', 'the same in a fragment'],
  ['https://shop.example@evil.test', 'an allowed one as a user name'],
  ['https://user@shop.example', 'an origin has no user name'],
  ['https://www.shop.example', 'a subdomain of an exact origin'],
  ['https://wild.example', 'the domain of whose subdomains alone are allowed'],
  ['https://evilwild.example', 'a dot is part of the pattern'],
  ['https://.wild.example', 'a name of no letters'],
  ['https://a.wild.example.', 'the root’s dot: another origin to browsers'],
  ['https://shop.example.', 'the same of an exact one'],
  ['https://SHOP.example', 'browsers send small letters; what sends these is none'],
  ['HTTPS://shop.example', 'the same of the scheme'],
  ['http://shop.example', 'anybody on the way may speak for http'],
  ['ws://shop.example', 'another scheme'],
  ['chrome-extension://shop.example', 'another scheme that browsers do send'],
  ['https://shop.example:443', 'browsers leave the default port out'],
  ['https://shop.example:8443', 'another port is another program’s page'],
  ['https://port.example', 'the port that is allowed is not the default'],
  ['https://port.example:84430', 'begins with the allowed port'],
  ['https://shop.example/', 'an origin has no path'],
  ['https://shop.example, https://evil.test', 'a list'],
  ['https://evil.test https://shop.example', 'a list of the older form'],
  ['https://xn--hop-ehd.example', 'a Cyrillic letter that looks like the Latin one'],
  ['https://shop%2eexample', 'an escaped dot'],
  ['https://shop\\.example', 'a backslash'],
  ['https://a.wild.example:443.evil.test', 'a port that is none'],
  ['https://[::1]', 'an address'],
  ['https://127.0.0.1', 'another'],
  ['https://edge.example.evil.test', 'begins with the edge’s own'],
  ['http://edge.example', 'the edge’s own without encryption'],
];

const signed = await (
  await fetchEdge(`/v1/downloads?site=${key}`, {
    method: 'POST',
    headers: { origin: ALLOWED[0]! },
    body: JSON.stringify({ hashes: [sha256] }),
  })
).json<{ downloads: { url: string }[] }>();
const { pathname, search } = new URL(signed.downloads[0]!.url);

const ROUTES: { method: string; path: string; body?: object; status: number }[] = [
  { method: 'GET', path: `/v1/manifest?site=${key}`, status: 200 },
  { method: 'POST', path: `/v1/downloads?site=${key}`, body: { hashes: [sha256] }, status: 200 },
  { method: 'POST', path: `/v1/generations?site=${key}`, status: 200 },
  {
    method: 'POST',
    path: `/v1/telemetry?site=${key}`,
    body: { batch: crypto.randomUUID(), events: [{ event: 'view', age_ms: 1 }] },
    status: 202,
  },
  { method: 'GET', path: pathname + search, status: 200 },
];

const send = ({ method, path, body }: (typeof ROUTES)[number], origin: string) =>
  fetchEdge(path, { method, headers: { origin }, ...(body && { body: JSON.stringify(body) }) });
const posts = ROUTES.filter(({ method }) => method === 'POST');
const usage = async () => (await asAdmin('GET', `/v1/sites/${id}/usage`)).json();

describe.for(ROUTES)('$method $path', (route) => {
  test('serves the pages of the site, each by its own name', async () => {
    for (const origin of ALLOWED) {
      const response = await send(route, origin);
      await response.body?.cancel();
      expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([route.status, origin]);
      // A cookie or a certificate is never asked for: no page can borrow a visitor's.
      expect(response.headers.get('access-control-allow-credentials')).toBeNull();
    }
  });

  test('refuses every trick, in words that only its sender reads, and counts nothing for the site', async () => {
    const before = await usage();
    for (const [origin, why] of TRICKS) {
      const response = await send(route, origin);
      expect(response.headers.get('access-control-allow-origin'), `${origin}: ${why}`).toBeNull();
      expect(response.headers.get('vary')).toContain('Origin');
      expect(await problemOf(response), `${origin}: ${why}`).toMatchObject({
        status: 403,
        code: expect.stringMatching(/^(origin_not_allowed|signature_other_site)$/),
      });
    }
    expect(await usage()).toEqual(before);
  });
});

test.for(posts)('$method $path without an origin, or with an empty one, is no page’s', async ({ method, path, body }) => {
  const before = await usage();
  for (const headers of [{}, { origin: '' }]) {
    const response = await fetchEdge(path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    expect(await problemOf(response)).toMatchObject({ status: 403, code: 'origin_not_allowed' });
  }
  expect(await usage()).toEqual(before);
});

describe.for(TRICKS)('the studio page framed by %s (%s)', ([origin]) => {
  test('is not sent there, and no policy names it', async () => {
    const headers = { 'sec-fetch-dest': 'iframe', referer: `${origin}/page` };
    const response = await fetchEdge(`/embed/studio?site=${key}`, { headers });
    const policy = response.headers.get('content-security-policy')!;
    const html = await response.text();
    const framed = URL.canParse(headers.referer) ? new URL(headers.referer).origin : undefined;
    // As a Referer, a browser would write some of these as an origin that is allowed.
    const own = framed === undefined || ALLOWED.includes(framed);
    expect(response.status).toBe(own ? 200 : 403);
    expect(policy).toMatch(
      own ? /frame-ancestors 'self' https:\/\/shop\.example/ : /^default-src 'none'; script-src 'sha256-[^']+'; frame-/,
    );
    expect(html.includes('id="diptych-config"')).toBe(own);
    expect(policy).not.toContain('evil');
  });
});

const PREFLIGHTS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].flatMap((method) => [
  { method, asked: 'content-type' },
  { method, asked: 'authorization, x-admin-token' },
]);

test.for(documentedRequests.filter(({ template }) => template.startsWith('/v1/')))(
  'a preflight of $method $template allows no other site anything',
  async ({ template }) => {
    const path = `${filled(template, { id, sha256, key })}?site=${key}`;
    for (const origin of ['null', 'https://evil.test', 'https://shop.example.evil.test']) {
      for (const { method, asked } of PREFLIGHTS) {
        const headers = {
          origin,
          'access-control-request-method': method,
          'access-control-request-headers': asked,
          'access-control-request-private-network': 'true',
        };
        const response = await fetchEdge(path, { method: 'OPTIONS', headers });
        await response.body?.cancel();
        for (const name of ['allow-origin', 'allow-credentials', 'allow-private-network'])
          expect(response.headers.get(`access-control-${name}`)).toBeNull();
      }
    }
  },
);

test('a preflight of the site’s own page allows no method or header beyond what the studio needs', async () => {
  for (const { path } of ROUTES) {
    const headers = { origin: ALLOWED[0]!, 'access-control-request-method': 'DELETE', 'access-control-request-headers': 'authorization' };
    const response = await fetchEdge(path, { method: 'OPTIONS', headers });
    expect(response.headers.get('access-control-allow-methods')).toBe('GET,HEAD,POST');
    expect(response.headers.get('access-control-allow-headers')?.toLowerCase()).not.toMatch(/authorization|\*/);
    expect(response.headers.get('access-control-allow-credentials')).toBeNull();
  }
});
