/** Every documented route, asked by somebody who may not. A new route is refused here until it is guarded, or written down as public. */
import { env } from 'cloudflare:workers';
import { UnsecuredJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { fetchEdge, problemOf } from '../fetch-edge.ts';
import { hashOf, insertSite, publish } from '../store-fixture.ts';
import { databaseDump } from './database-dump.ts';
import { documentedRequests, filled } from './documented-requests.ts';
import { expectNoLeak } from './expect-no-leak.ts';

const SITE = 'pk_guarded';
await publish();
await insertSite(SITE, ['https://shop.example']);

/** What anybody may ask for, and what it is that they need to name. */
const PUBLIC: Readonly<Record<string, string>> = {
  'GET /healthz': 'nothing: says which parts answer, in fixed words',
  'GET /openapi.json': 'nothing: the documentation',
  'GET /embed/assets/engine.js': 'nothing: a script of the studio',
  'GET /embed/studio': 'a site key',
  'GET /v1/manifest': 'a site key',
  'POST /v1/downloads': 'a site key and an origin',
  'POST /v1/generations': 'a site key and an origin',
  'POST /v1/telemetry': 'a site key and an origin',
  'GET /v1/weights/{sha256}': 'a signature',
  'HEAD /v1/weights/{sha256}': 'a signature',
};

const nameOf = ({ method, template }: { method: string; template: string }) => `${method} ${template}`;
const guarded = documentedRequests.filter((request) => !(nameOf(request) in PUBLIC));

test('the public routes are these, and every other one says that it is guarded', () => {
  const open = documentedRequests.filter(({ operation }) => operation.security === undefined);
  expect(open.map(nameOf).toSorted()).toEqual(Object.keys(PUBLIC).toSorted());
  expect(guarded.length).toBeGreaterThan(8);
});

describe.for(documentedRequests.filter((request) => PUBLIC[nameOf(request)]?.startsWith('nothing') === false))(
  '$method $template',
  ({ method, template }) => {
    test('tells nothing to who names nothing', async () => {
      const response = await fetchEdge(filled(template, { sha256: hashOf('5') }), { method, ...(method === 'POST' && { body: '{}' }) });
      expect(response.status).toBe(401);
      await expectNoLeak(response);
    });
  },
);

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const claims = { email: 'ann@shop.example', aud: ['any'], exp: 4_000_000_000, iat: 1 };
const TOKEN = env.ADMIN_TOKEN.split(',')[0]!.split(':')[1]!;

interface Attempt {
  what: string;
  why: string;
  headers?: Record<string, string>;
  search?: string;
}

const ATTEMPTS: Attempt[] = [
  { what: 'nothing', why: 'the plain scan' },
  { what: 'a wrong token', why: 'a guess', headers: bearer('0'.repeat(32)) },
  { what: 'the token less a character', why: 'a comparison by prefix would take it', headers: bearer(TOKEN.slice(0, -1)) },
  { what: 'a site key in place of the token', why: 'it is public: every page shows it', headers: bearer(SITE) },
  { what: 'a site key in the query', why: 'what opens the visitors’ routes opens none of these', search: `?site=${SITE}` },
  { what: 'the id of a signing key', why: 'every download address shows it', headers: bearer('new') },
  {
    what: 'a signing key',
    why: 'who leaks one secret must not leak both',
    headers: bearer(env.SIGNING_KEYS.split(',')[0]!.split(':')[1]!),
  },
  { what: 'the token in the query', why: 'addresses end in logs and histories', search: `?token=${TOKEN}&access_token=${TOKEN}` },
  {
    what: 'the token in a cookie',
    why: 'browsers send it along for any page',
    headers: { cookie: `token=${TOKEN}; CF_Authorization=${TOKEN}` },
  },
  { what: 'the token in another header', why: 'only one place is documented', headers: { 'x-admin-token': TOKEN, token: TOKEN } },
  { what: 'the token as a password', why: 'the scheme is Bearer', headers: { authorization: `Basic ${btoa(`admin:${TOKEN}`)}` } },
  { what: 'an unsigned JWT', why: 'alg none', headers: { 'cf-access-jwt-assertion': new UnsecuredJWT(claims).encode() } },
  { what: 'an address within the network', why: 'headers of proxies are anybody’s to write', headers: { 'x-forwarded-for': '127.0.0.1' } },
  {
    what: 'another method in a header',
    why: 'the guard and the route must see one method',
    headers: { 'x-http-method-override': 'OPTIONS' },
  },
];

describe.for(ATTEMPTS)('$what ($why)', ({ headers = {}, search = '' }) => {
  test('opens no guarded route, tells nothing and changes nothing', async () => {
    const before = await databaseDump();
    for (const { method, template } of guarded) {
      const body = method === 'GET' ? {} : { body: JSON.stringify({ name: 'taken over', overlap: 0 }) };
      const ask = (site: string) => fetchEdge(filled(template, { id: site, key: SITE }) + search, { method, headers, ...body });
      const [existing, absent] = [await ask(SITE), await ask('nobody')];
      expect(existing.headers.get('www-authenticate'), template).toMatch(/^Bearer realm="diptych admin"/);
      expect(existing.headers.get('cache-control'), template).toBe('no-store');
      const problem = await problemOf(existing.clone());
      expect(problem, template).toMatchObject({ status: 401, code: expect.stringMatching(/^admin_credentials_/) });
      await expectNoLeak(existing);
      // Nor does a refusal tell which sites there are.
      expect({ ...(await problemOf(absent)), request_id: '' }, template).toEqual({ ...problem, request_id: '' });
    }
    expect(await databaseDump()).toEqual(before);
  });
});

test('no other method of a guarded path is open either', async () => {
  for (const template of new Set(guarded.map(({ template }) => template))) {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
      const response = await fetchEdge(filled(template, { id: SITE, key: SITE }), { method });
      expect(response.status, `${method} ${template}`).toBe(401);
      await response.body?.cancel();
    }
  }
});

test('a page of another origin is refused even with the token', async () => {
  for (const { method, template } of guarded) {
    const headers = { ...bearer(TOKEN), origin: 'https://shop.example' };
    const response = await fetchEdge(filled(template, { id: SITE, key: SITE }), {
      method,
      headers,
      ...(method !== 'GET' && { body: '{}' }),
    });
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    expect(await problemOf(response), template).toMatchObject({ status: 403, code: 'origin_not_allowed' });
  }
});
