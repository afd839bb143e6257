import { describe, expect, test } from 'vitest';
import type { DownloadsAnswer } from '../../worker/routes/downloads.ts';
import { EDGE, problemOf, fetchEdge } from './fetch-edge.ts';
import { hashOf, insertSite, publish } from './store-fixture.ts';

const ORIGIN = 'https://buyer.example';
await publish();
await insertSite('pk_buyer', [ORIGIN]);

function ask(body: unknown, headers: Record<string, string> = { origin: ORIGIN }): Promise<Response> {
  return fetchEdge('/v1/downloads?site=pk_buyer', {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

test('every file of the catalogue gets an address that the edge accepts, once', async () => {
  const hashes = ['6', '1', '2', '3', '4', '5', '1'].map(hashOf);
  const response = await ask({ hashes });
  const answer = await response.json<DownloadsAnswer>();
  expect(response.status).toBe(200);
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(answer.downloads.map(({ sha256, bytes }) => [sha256, bytes])).toEqual(
    ['6', '1', '2', '3', '4', '5'].map((digit) => [hashOf(digit), 10 + Number(digit)]),
  );
  expect(answer.expires - Date.now() / 1000).toBeGreaterThan(3590);
  expect(answer.expires - Date.now() / 1000).toBeLessThanOrEqual(3600);
  for (const { sha256, url } of answer.downloads) {
    expect(url).toContain(`${EDGE}/v1/weights/${sha256}?site=pk_buyer&exp=${answer.expires}&kid=new&sig=pk_buyer.`);
    // Nothing is stored under these hashes: past the signature, the file is what is missing.
    expect(await problemOf(await fetchEdge(url.slice(EDGE.length)))).toMatchObject({ status: 404, code: 'blob_not_found' });
  }
});

test('the studio page on the edge’s own origin may ask', async () => {
  const response = await ask({ hashes: [hashOf('1')] }, { origin: EDGE });
  expect((await response.json<DownloadsAnswer>()).downloads).toHaveLength(1);
});

test.for([{ origin: 'https://stranger.example' }, { origin: 'null' }, {}])('not from %j', async (headers: Record<string, string>) => {
  expect(await problemOf(await ask({ hashes: [hashOf('1')] }, headers))).toMatchObject({ status: 403, code: 'origin_not_allowed' });
});

test('a hash that the catalogue does not name', async () => {
  expect(await problemOf(await ask({ hashes: [hashOf('1'), hashOf('f')] }))).toMatchObject({
    status: 400,
    code: 'not_in_catalogue',
    detail: expect.stringContaining(hashOf('f')),
  });
});

describe('bodies that are refused', () => {
  test.for([
    { what: 'nothing', body: '', field: 'not JSON' },
    { what: 'half of JSON', body: '{"hashes":[', field: 'not JSON' },
    { what: 'null', body: 'null', field: 'The body' },
    { what: 'an array', body: '[]', field: 'hashes' },
    { what: 'no hashes', body: { hashes: [] }, field: 'hashes' },
    {
      what: '513 hashes',
      body: { hashes: Array.from({ length: 513 }, (_, index) => index.toString(16).padStart(64, '0')) },
      field: 'hashes',
    },
    { what: 'an upper-case hash', body: { hashes: [hashOf('A')] }, field: 'hashes.0' },
    { what: 'a path', body: { hashes: ['../catalogue/manifest.json'] }, field: 'hashes.0' },
    { what: 'another field', body: { hashes: [hashOf('1')], expires: 9e9 }, field: 'expires' },
    { what: 'deep nesting', body: `{"hashes":${'['.repeat(20_000)}${']'.repeat(20_000)}}`, field: 'hashes' },
  ])('$what', async ({ body, field }) => {
    expect(await problemOf(await ask(body))).toMatchObject({
      status: 400,
      code: 'request_invalid',
      detail: expect.stringContaining(field),
    });
  });

  test('more than 64 KiB', async () => {
    expect(await problemOf(await ask(' '.repeat(64 * 1024 + 1)))).toMatchObject({ status: 413, code: 'payload_too_large' });
  });
});
