import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { createLocalJWKSet, exportJWK, generateKeyPair, type JWTPayload, type JWTVerifyGetKey, SignJWT, UnsecuredJWT } from 'jose';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { remoteAccessKeys } from '../../worker/admin/access-jwt.ts';
import { createApp } from '../../worker/app.ts';
import type { Env } from '../../worker/env.ts';
import { EDGE, fetchEdge, problemOf } from './fetch-edge.ts';

const [TOKEN, PREVIOUS] = env.ADMIN_TOKEN.split(',').map((entry) => entry.split(':')[1]!) as [string, string];
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const list = (headers: Record<string, string>) => fetchEdge('/v1/sites', { headers });

afterEach(() => vi.restoreAllMocks());

describe('admin tokens', () => {
  test.for([
    { what: 'the current token', headers: bearer(TOKEN) },
    { what: 'the previous token', headers: bearer(PREVIOUS) },
    { what: 'a scheme in other letters', headers: { authorization: `bearer  ${TOKEN}` } },
    { what: 'the edge’s own page', headers: { ...bearer(TOKEN), origin: EDGE } },
  ] as { what: string; headers: Record<string, string> }[])('$what lets in', async ({ headers }) => {
    const response = await list(headers);
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    await response.body?.cancel();
  });

  test.for([
    { what: 'nothing', headers: {} },
    { what: 'a cookie alone', headers: { cookie: `CF_Authorization=${TOKEN}; ADMIN_TOKEN=${TOKEN}` } },
    { what: 'a JWT of Access, which is not configured', headers: { 'cf-access-jwt-assertion': 'a.b.c' } },
  ] as { what: string; headers: Record<string, string> }[])('$what is no credential', async ({ headers }) => {
    const response = await list(headers);
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="diptych admin"');
    expect(await problemOf(response)).toMatchObject({ status: 401, code: 'admin_credentials_missing' });
  });

  const cut = TOKEN.slice(0, -1);
  test.for([
    { what: 'another token', authorization: `Bearer ${'x'.repeat(32)}` },
    { what: 'a token of another last character', authorization: `Bearer ${cut}x` },
    { what: 'a cut token', authorization: `Bearer ${cut}` },
    { what: 'a longer token', authorization: `Bearer ${TOKEN}0` },
    { what: 'the token in upper case', authorization: `Bearer ${TOKEN.toUpperCase()}` },
    { what: 'the entry with its name', authorization: `Bearer tester:${TOKEN}` },
    { what: 'the whole secret', authorization: `Bearer ${env.ADMIN_TOKEN}` },
    { what: 'no token', authorization: 'Bearer ' },
    { what: 'another scheme', authorization: `Basic ${btoa(`tester:${TOKEN}`)}` },
    { what: 'two tokens', authorization: `Bearer ${TOKEN} ${TOKEN}` },
  ])('$what is refused', async ({ authorization }) => {
    const response = await list({ authorization });
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="diptych admin", error="invalid_token"');
    const problem = await problemOf(response);
    expect(problem).toMatchObject({ status: 401, code: 'admin_credentials_invalid' });
    expect(JSON.stringify(problem)).not.toContain(cut);
  });

  // A comparison that ends at the first difference, or with the first token, tells by its time how much of a guess was right.
  test('every token is compared, by digests of one length, in constant time', async () => {
    const compare = vi.spyOn(crypto.subtle, 'timingSafeEqual');
    for (const presented of [TOKEN, PREVIOUS, 'x', 'x'.repeat(1000)]) {
      compare.mockClear();
      await (await list(bearer(presented))).body?.cancel();
      expect(compare.mock.calls.map((pair) => pair.map(({ byteLength }) => byteLength))).toEqual([
        [32, 32],
        [32, 32],
      ]);
    }
  });

  test('no token is logged', async () => {
    const lines = (['log', 'error', 'warn', 'info', 'debug'] as const).map((name) => vi.spyOn(console, name));
    for (const token of [TOKEN, `${cut}x`]) await (await list(bearer(token))).body?.cancel();
    expect(JSON.stringify(lines.flatMap((line) => line.mock.calls))).not.toContain(cut);
  });
});

test.for([
  { method: 'GET', path: '/v1/sites' },
  { method: 'POST', path: '/v1/sites' },
  { method: 'GET', path: '/v1/sites/pk_demo' },
  { method: 'PATCH', path: '/v1/sites/pk_demo' },
  { method: 'POST', path: '/v1/sites/pk_demo/keys' },
  { method: 'DELETE', path: '/v1/sites/pk_demo/keys/pk_demo' },
  { method: 'GET', path: '/v1/sites/pk_demo/audit' },
  { method: 'GET', path: '/v1/sites/pk_demo/analytics' },
  { method: 'GET', path: '/v1/sites/pk_demo/nothing' },
  { method: 'PUT', path: '/v1/sites' },
  { method: 'OPTIONS', path: '/v1/sites' },
  { method: 'GET', path: '/v1/audit' },
  { method: 'GET', path: '/v1/sites?site=pk_demo' },
])('$method $path is nobody’s without credentials', async ({ method, path }) => {
  expect(await problemOf(await fetchEdge(path, { method }))).toMatchObject({ status: 401, code: 'admin_credentials_missing' });
});

test.for([
  { path: '/v1/%73ites', status: 401 },
  { path: '/v1/sites/', status: 401 },
  { path: '/v1/x/../sites', status: 401 },
  { path: '/v1/audit/', status: 404 },
  { path: '//v1/sites', status: 404 },
  { path: '/v1//sites', status: 404 },
  { path: '/v1/sites%2Fpk_demo', status: 404 },
  { path: '/V1/Sites', status: 404 },
  { path: '/v1/sites;x', status: 404 },
])('no other spelling gets round the guard: $path', async ({ path, status }) => {
  const response = await fetchEdge(path);
  expect(response.status).toBe(status);
  await response.body?.cancel();
});

// Access makes its JWT out of a cookie, which browsers send along with any page's request.
test.for(['https://evil.example', 'null', 'https://edge.example.evil.example', 'http://edge.example', 'https://edge.example:8443'])(
  'no page of %s is answered, whatever it sends',
  async (origin) => {
    for (const method of ['GET', 'POST', 'OPTIONS']) {
      const headers = { ...bearer(TOKEN), origin, 'access-control-request-method': 'POST' };
      const response = await fetchEdge('/v1/sites?site=pk_demo', { method, headers });
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
      expect(await problemOf(response)).toMatchObject({ status: 403, code: 'origin_not_allowed' });
    }
  },
);

const ISSUER = 'https://team.cloudflareaccess.com';
const AUD = 'f00dfeed';
const NOW = Date.UTC(2026, 10, 23);
const seconds = NOW / 1000;

const keyPair = await generateKeyPair('RS256', { extractable: true });
const stranger = await generateKeyPair('RS256');
const jwks = createLocalJWKSet({ keys: [{ ...(await exportJWK(keyPair.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }] });

type Claims = { [Name in keyof JWTPayload]?: JWTPayload[Name] | undefined };
const GOOD: Claims = { iss: ISSUER, aud: [AUD], email: 'ann@shop.example', sub: 'a', iat: seconds - 60, exp: seconds + 60 };
const sign = (claims: Claims, { key = keyPair.privateKey, kid = 'one' } = {}) =>
  new SignJWT(claims as JWTPayload).setProtectedHeader({ alg: 'RS256', kid }).sign(key);

const good = await sign(GOOD);
const alien = await sign({ ...GOOD, email: 'eve@evil.example' }, { key: stranger.privateKey });
/** What a verifier would use as a secret that let the token choose the algorithm. */
const publicKey = new TextEncoder().encode(JSON.stringify(await exportJWK(keyPair.publicKey)));

const ACCESS: Partial<Env> = { ACCESS_TEAM_DOMAIN: 'team.cloudflareaccess.com', ACCESS_AUD: AUD };

async function through(headers: Record<string, string>, vars: Partial<Env> = ACCESS, keys: JWTVerifyGetKey = jwks, method = 'GET') {
  const issuers: string[] = [];
  const accessKeys = (issuer: string) => {
    issuers.push(issuer);
    return keys;
  };
  const bindings = { ...env, ...vars };
  if (!('ADMIN_TOKEN' in vars)) delete (bindings as Partial<Env>).ADMIN_TOKEN;
  const app = createApp({ now: () => NOW, accessKeys });
  const response = await app.fetch(new Request(`${EDGE}/v1/sites`, { method, headers }), bindings, createExecutionContext());
  return { response, issuers };
}

describe('Cloudflare Access', () => {
  test.for([
    { what: 'a person', claims: GOOD },
    { what: 'a service token', claims: { ...GOOD, email: undefined, sub: '', common_name: 'ci.access' } },
    { what: 'one audience of several', claims: { ...GOOD, aud: ['other', AUD] } },
  ])('$what comes in', async ({ claims }) => {
    const { response, issuers } = await through({ 'cf-access-jwt-assertion': await sign(claims) });
    expect(response.status).toBe(200);
    expect(issuers).toEqual([ISSUER]);
    await response.body?.cancel();
  });

  test.for([
    { what: 'expired', jwt: sign({ ...GOOD, exp: seconds }), reason: 'expired' },
    { what: 'not valid yet', jwt: sign({ ...GOOD, nbf: seconds + 60 }), reason: 'nbf' },
    { what: 'without an expiry', jwt: sign({ ...GOOD, exp: undefined }), reason: 'exp' },
    { what: 'for another application', jwt: sign({ ...GOOD, aud: ['other'] }), reason: 'aud' },
    { what: 'for no application', jwt: sign({ ...GOOD, aud: undefined }), reason: 'aud' },
    { what: 'of another team', jwt: sign({ ...GOOD, iss: 'https://evil.cloudflareaccess.com' }), reason: 'iss' },
    { what: 'of another key under the same id', jwt: sign(GOOD, { key: stranger.privateKey }), reason: 'signature' },
    { what: 'of an unknown key', jwt: sign(GOOD, { kid: 'two' }), reason: 'none of the team’s' },
    { what: 'unsigned, alg none', jwt: new UnsecuredJWT(GOOD as JWTPayload).encode(), reason: 'not' },
    {
      what: 'signed with the public key as a secret',
      jwt: new SignJWT(GOOD as JWTPayload).setProtectedHeader({ alg: 'HS256', kid: 'one' }).sign(publicKey),
      reason: 'RS256',
    },
    { what: 'with the claims of another', jwt: good.split('.').with(1, alien.split('.')[1]!).join('.'), reason: 'signature' },
    { what: 'cut', jwt: good.slice(0, -4), reason: 'signature' },
    { what: 'no JWT', jwt: 'nonsense', reason: 'malformed' },
    { what: 'empty', jwt: '', reason: 'malformed' },
    { what: 'in nobody’s name', jwt: sign({ ...GOOD, email: undefined, sub: '' }), reason: 'nobody' },
  ])('a JWT $what is refused', async ({ jwt, reason }) => {
    const { response } = await through({ 'cf-access-jwt-assertion': await jwt });
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"');
    expect(await problemOf(response)).toMatchObject({
      status: 401,
      code: 'admin_credentials_invalid',
      detail: expect.stringContaining(reason),
    });
  });

  test('its cookie without its header is no credential', async () => {
    const { response } = await through({ cookie: `CF_Authorization=${await sign(GOOD)}` });
    expect(await problemOf(response)).toMatchObject({ status: 401, code: 'admin_credentials_missing' });
  });

  test('a good JWT does not make a page of another origin the operator’s', async () => {
    const headers = { 'cf-access-jwt-assertion': await sign(GOOD), origin: 'https://evil.example' };
    const { response } = await through(headers, ACCESS, jwks, 'POST');
    expect(await problemOf(response)).toMatchObject({ status: 403, code: 'origin_not_allowed' });
  });

  test('beside a token: either will do, and a wrong token is not made good', async () => {
    const both = { ...ACCESS, ADMIN_TOKEN: env.ADMIN_TOKEN };
    const jwt = { 'cf-access-jwt-assertion': await sign(GOOD) };
    for (const headers of [jwt, bearer(TOKEN), { ...jwt, ...bearer(TOKEN) }])
      expect((await through(headers, both)).response.status).toBe(200);
    expect((await through({ ...jwt, ...bearer('x'.repeat(32)) }, both)).response.status).toBe(401);
  });
});

describe('the keys of the team’s domain', () => {
  const CERTS = `${ISSUER}/cdn-cgi/access/certs`;
  const answering = (answer: () => Promise<Response>) => vi.spyOn(globalThis, 'fetch').mockImplementation(answer);
  const serve = async () => Response.json({ keys: [{ ...(await exportJWK(keyPair.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }] });

  test('are fetched when they are first needed, and kept', async () => {
    const fetched = answering(serve);
    const keys = remoteAccessKeys();
    const app = createApp({ now: () => NOW, accessKeys: keys });
    expect(fetched).not.toHaveBeenCalled();
    for (let visit = 0; visit < 3; visit++) {
      const request = new Request(`${EDGE}/v1/sites`, { headers: { 'cf-access-jwt-assertion': good } });
      const response = await app.fetch(request, { ...env, ...ACCESS }, createExecutionContext());
      expect(response.status).toBe(200);
      await response.body?.cancel();
    }
    expect(fetched.mock.calls.map(([url]) => String(url))).toEqual([CERTS]);
  });

  test.for([
    { what: 'is away', answer: () => Promise.reject(new TypeError('network')) },
    { what: 'answers 404', answer: async () => new Response('no', { status: 404 }) },
    { what: 'answers a page', answer: async () => new Response('<html>') },
    { what: 'serves no keys', answer: async () => Response.json({}) },
  ])('nobody gets in when it $what, and the operator is told', async ({ answer }) => {
    answering(answer);
    const { response } = await through({ 'cf-access-jwt-assertion': good }, ACCESS, remoteAccessKeys()(ISSUER));
    expect(await problemOf(response)).toMatchObject({ status: 503, code: 'edge_not_ready', detail: expect.stringContaining(ISSUER) });
  });
});

describe('what is not set up is named with its fix', () => {
  test.for([
    { vars: {}, detail: 'npx wrangler secret put ADMIN_TOKEN' },
    { vars: { ADMIN_TOKEN: '' }, detail: 'npx wrangler secret put ADMIN_TOKEN' },
    { vars: { ADMIN_TOKEN: 'short' }, detail: 'entry 1 has 5 characters; at least 32' },
    { vars: { ADMIN_TOKEN: `${env.ADMIN_TOKEN},` }, detail: 'entry 3 is not name:token' },
    { vars: { ADMIN_TOKEN: 'with space 0123456789abcdef0123456789' }, detail: 'entry 1 is not name:token' },
    { vars: { ACCESS_AUD: AUD }, detail: 'ACCESS_TEAM_DOMAIN' },
    { vars: { ACCESS_TEAM_DOMAIN: ISSUER }, detail: 'ACCESS_AUD' },
    { vars: { ACCESS_TEAM_DOMAIN: 'https://evil.example', ACCESS_AUD: AUD }, detail: 'ACCESS_TEAM_DOMAIN' },
    { vars: { ACCESS_TEAM_DOMAIN: 'evil.example/.cloudflareaccess.com', ACCESS_AUD: AUD }, detail: 'ACCESS_TEAM_DOMAIN' },
  ] as { vars: Partial<Env>; detail: string }[])('$vars', async ({ vars, detail }) => {
    const { response } = await through(bearer('x'.repeat(32)), vars);
    const problem = await problemOf(response);
    expect(problem).toMatchObject({ status: 503, code: 'edge_not_ready', detail: expect.stringContaining(detail) });
    expect(problem.detail).not.toContain('0123456789');
  });
});
