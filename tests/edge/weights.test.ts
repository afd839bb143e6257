import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, test, vi } from 'vitest';
import { createApp } from '../../worker/app.ts';
import { readKeyRing } from '../../worker/key-ring.ts';
import { signedPath } from '../../worker/signing.ts';
import { EDGE, problemOf, fetchEdge } from './fetch-edge.ts';
import { hashOf, insertBlob, insertSite, publishShards } from './store-fixture.ts';

const ORIGIN = 'https://viewer.example';
await insertSite('pk_viewer', [ORIGIN]);
await insertSite('pk_other', ['https://other.example']);
await insertSite('pk_disabled', [ORIGIN], 1);

const ring = await readKeyRing(env.SIGNING_KEYS);
const SIZE = 1000;
const bytes = Uint8Array.from({ length: SIZE }, (_, index) => index % 251);
const sha256 = await insertBlob(bytes);
await publishShards([{ sha256, bytes: SIZE }]);
const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;
const sign = (hash = sha256, site = 'pk_viewer', exp = inAnHour()) => signedPath({ sha256: hash, site, exp }, ring);
const cached = () => caches.default.match(`${EDGE}/v1/weights/${sha256}`);
const untilCached = () => vi.waitFor(async () => expect(await cached()).toBeDefined());
const contentOf = async (response: Response) => new Uint8Array(await response.arrayBuffer());

const RANGES = [
  { range: 'bytes=0-0', start: 0, end: 0 },
  { range: 'bytes=0-499', start: 0, end: 499 },
  { range: 'bytes=500-', start: 500, end: 999 },
  { range: 'bytes=999-999', start: 999, end: 999 },
  { range: 'bytes=990-5000', start: 990, end: 999 },
  { range: 'bytes=990-99999999999999999999999', start: 990, end: 999 },
  { range: 'bytes=0-', start: 0, end: 999 },
  { range: 'bytes=0-999', start: 0, end: 999 },
  { range: 'bytes= 7-8 ', start: 7, end: 8 },
  { range: 'bytes=0000005-0000006', start: 5, end: 6 },
  { range: 'bytes=-1', start: 999, end: 999 },
  { range: 'bytes=-1000', start: 0, end: 999 },
  { range: 'bytes=-5000', start: 0, end: 999 },
  { range: 'bytes=-99999999999999999999999', start: 0, end: 999 },
  { range: 'BYTES=1-2', start: 1, end: 2 },
];
const IGNORED = [
  'bytes=5-2',
  'bytes=a-b',
  'bytes=',
  'bytes=-',
  'bytes=0-1,5-6',
  'items=0-1',
  'bytes 0-1',
  'bytes=0x1-2',
  'bytes=--1',
  'bytes=1 -2',
  'bytes=0-1,',
  'bytes=+1-2',
  'bytes=1e1-20',
];
const UNSATISFIABLE = ['bytes=1000-', 'bytes=1000-2000', 'bytes=99999999999999999999999-', 'bytes=-0'];

describe.for(['R2', 'the cache'])('from %s', (source) => {
  async function get(headers: Record<string, string> = {}, method = 'GET'): Promise<Response> {
    if (source === 'R2') await caches.default.delete(`${EDGE}/v1/weights/${sha256}`);
    else if (!(await cached())) {
      await (await fetchEdge(await sign())).arrayBuffer();
      await untilCached();
    }
    return fetchEdge(await sign(), { method, headers });
  }

  test.for([
    { what: 'the whole file', headers: {}, status: 200 },
    { what: 'a range', headers: { range: 'bytes=5-9' }, status: 206 },
    { what: 'a file that has not changed', headers: { 'if-none-match': '*' }, status: 304 },
    { what: 'a range outside', headers: { range: 'bytes=1000-' }, status: 416 },
    { what: 'HEAD', method: 'HEAD', headers: {}, status: 200 },
  ])('$what is for pages of other origins, and for the site’s to measure', async ({ method = 'GET', headers, status }) => {
    const response = await get({ ...(headers as Record<string, string>), origin: ORIGIN }, method);
    await response.body?.cancel();
    expect(response.status).toBe(status);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'accept-ranges': 'bytes',
      'access-control-allow-origin': ORIGIN,
      'cross-origin-resource-policy': 'cross-origin',
      etag: `"${sha256}"`,
      'timing-allow-origin': ORIGIN,
      vary: expect.stringContaining('Origin'),
    });
    const unsigned = await get(headers as Record<string, string>, method);
    await unsigned.body?.cancel();
    expect(unsigned.headers.get('timing-allow-origin')).toBeNull();
  });

  test('the whole file', async () => {
    const response = await get();
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'accept-ranges': 'bytes',
      'cache-control': 'private, max-age=31536000, immutable',
      'content-length': String(SIZE),
      'content-type': 'application/octet-stream',
      'cross-origin-resource-policy': 'cross-origin',
      etag: `"${sha256}"`,
    });
    expect(await contentOf(response)).toEqual(bytes);
  });

  test('HEAD, which knows no ranges', async () => {
    const response = await get({ range: 'bytes=0-1' }, 'HEAD');
    expect([response.status, response.headers.get('content-length'), response.headers.get('etag')]).toEqual([200, '1000', `"${sha256}"`]);
    expect(await contentOf(response)).toHaveLength(0);
  });

  test.for(RANGES)('$range', async ({ range, start, end }) => {
    const response = await get({ range });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end}/1000`);
    expect(response.headers.get('content-length')).toBe(String(end - start + 1));
    expect(response.headers.get('etag')).toBe(`"${sha256}"`);
    expect(await contentOf(response)).toEqual(bytes.subarray(start, end + 1));
  });

  test.for(IGNORED)('%s is ignored', async (range) => {
    const response = await get({ range });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-range')).toBeNull();
    expect(await contentOf(response)).toEqual(bytes);
  });

  test.for(UNSATISFIABLE)('%s is unsatisfiable', async (range) => {
    const response = await get({ range });
    expect(response.headers.get('content-range')).toBe('bytes */1000');
    expect(await problemOf(response)).toMatchObject({ status: 416, code: 'range_not_satisfiable' });
  });

  test.for([
    { condition: `"${sha256}"`, status: 206 },
    { condition: `W/"${sha256}"`, status: 200 },
    { condition: '"other"', status: 200 },
    { condition: `"other", "${sha256}"`, status: 200 },
    { condition: '*', status: 200 },
    { condition: 'Wed, 21 Oct 2026 07:28:00 GMT', status: 200 },
  ])('If-Range: $condition', async ({ condition, status }) => {
    const response = await get({ range: 'bytes=10-19', 'if-range': condition });
    expect(response.status).toBe(status);
    expect((await contentOf(response)).byteLength).toBe(status === 206 ? 10 : SIZE);
  });

  test.for([
    { condition: `"${sha256}"`, status: 304 },
    { condition: `"other", W/"${sha256}"`, status: 304 },
    { condition: '*', status: 304 },
    { condition: `W/"${sha256}"`, status: 304 },
    { condition: '"other"', status: 200 },
    { condition: sha256, status: 200 },
  ])('If-None-Match: $condition', async ({ condition, status }) => {
    const response = await get({ 'if-none-match': condition });
    expect(response.status).toBe(status);
    expect(response.headers.get('etag')).toBe(`"${sha256}"`);
    expect((await contentOf(response)).byteLength).toBe(status === 304 ? 0 : SIZE);
  });
});

describe('refusals', () => {
  test('each its own code', async () => {
    const good = await sign();
    const expired = await sign(sha256, 'pk_viewer', Math.floor(Date.now() / 1000) - 1);
    const tooFar = await sign(sha256, 'pk_viewer', Math.floor(Date.now() / 1000) + 25 * 3600);
    const cases: [path: string, status: number, code: string][] = [
      [`/v1/weights/${sha256}?site=pk_viewer`, 401, 'signature_missing'],
      [good.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')), 403, 'signature_invalid'],
      [good.replace(sha256, hashOf('0')), 403, 'signature_invalid'],
      [tooFar, 403, 'signature_invalid'],
      [expired, 403, 'signature_expired'],
      [good.replace('site=pk_viewer', 'site=pk_other'), 403, 'signature_other_site'],
      [good.replace('site=pk_viewer', 'site=pk_nobody'), 403, 'signature_other_site'],
      [await sign(sha256, 'pk_disabled'), 403, 'site_disabled'],
      [await sign(sha256, 'pk_nobody'), 403, 'site_unknown'],
      [await sign(hashOf('0')), 404, 'blob_not_found'],
    ];
    for (const [path, status, code] of cases) expect(await problemOf(await fetchEdge(path))).toMatchObject({ status, code });
  });

  test('what a second parameter of the same name says is not heard', async () => {
    const good = await sign();
    const [first, second] = [`${good}&site=pk_other`, `${good}&exp=9999999999&sig=pk_other.${'0'.repeat(64)}`];
    for (const path of [first, second]) expect((await contentOf(await fetchEdge(path))).byteLength).toBe(SIZE);
    expect(await problemOf(await fetchEdge(good.replace('?', '?site=pk_other&')))).toMatchObject({ code: 'signature_other_site' });
  });

  test('an address ends with the site’s key that it names, though its own time has not come', async () => {
    const app = (now: number) => createApp({ now: () => now });
    const now = Date.now();
    await env.DB.prepare('INSERT INTO site_keys (key, site, expires) VALUES (?1, ?2, ?3)')
      .bind('pk_replaced', 'pk_viewer', now + 60_000)
      .run();
    const address = await sign(sha256, 'pk_replaced');
    const ask = (at: number) => app(at).fetch(new Request(EDGE + address), env, createExecutionContext());
    expect((await contentOf(await ask(now + 59_999))).byteLength).toBe(SIZE);
    expect(await problemOf(await ask(now + 60_000))).toMatchObject({
      status: 403,
      code: 'site_unknown',
      detail: expect.stringContaining('pk_replaced, or the key was replaced'),
    });
    // The site's other key is not concerned.
    expect(
      (await contentOf(await app(now + 60_000).fetch(new Request(EDGE + (await sign())), env, createExecutionContext()))).byteLength,
    ).toBe(SIZE);
  });

  test('a page of another site', async () => {
    const response = await fetchEdge(await sign(), { headers: { origin: 'https://other.example' } });
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    expect(await problemOf(response)).toMatchObject({ status: 403, code: 'signature_other_site' });
  });

  test('the site’s page may read that its address has expired', async () => {
    const expired = await sign(sha256, 'pk_viewer', 1);
    const response = await fetchEdge(expired, { headers: { origin: ORIGIN } });
    expect(response.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(await problemOf(response)).toMatchObject({ status: 403, code: 'signature_expired' });
  });

  test('HEAD has the status without the body', async () => {
    const response = await fetchEdge(`/v1/weights/${sha256}`, { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([401, '']);
  });
});

test('an empty file', async () => {
  const empty = await insertBlob(new Uint8Array());
  const whole = await fetchEdge(await sign(empty));
  expect([whole.status, whole.headers.get('content-length'), await contentOf(whole)]).toEqual([200, '0', new Uint8Array()]);
  expect(await problemOf(await fetchEdge(await sign(empty), { headers: { range: 'bytes=0-' } }))).toMatchObject({
    status: 416,
    code: 'range_not_satisfiable',
  });
});
