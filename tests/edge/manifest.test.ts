import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { CATALOGUE_KEY } from '../../worker/storage/catalogue.ts';
import { problemOf, fetchEdge } from './fetch-edge.ts';
import { insertSite, MANIFEST, publish } from './store-fixture.ts';

await insertSite('pk_reader', ['https://reader.example']);
const read = (headers: Record<string, string> = {}) => fetchEdge('/v1/manifest?site=pk_reader', { headers });

test('nothing is published yet', async () => {
  expect(await problemOf(await read())).toMatchObject({
    status: 503,
    code: 'catalogue_missing',
    detail: expect.stringContaining('npx diptych publish'),
  });
});

test('the catalogue, and 304 to who has it', async () => {
  await publish();
  const response = await read();
  const etag = response.headers.get('etag')!;
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(response.headers.get('cache-control')).toBe('private, max-age=30');
  expect(etag).toMatch(/^"[0-9a-f]+"$/);
  expect(await response.json()).toEqual(MANIFEST);
  for (const condition of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const again = await read({ 'if-none-match': condition });
    expect([condition, again.status, await again.text(), again.headers.get('etag')]).toEqual([condition, 304, '', etag]);
  }
  const other = await read({ 'if-none-match': '"other"' });
  expect(other.status).toBe(200);
  expect(await other.json()).toEqual(MANIFEST);
});

test('a new catalogue is served at once', async () => {
  await publish();
  const before = await read();
  await publish({ ...MANIFEST, loras: [] });
  const after = await read({ 'if-none-match': before.headers.get('etag')! });
  expect(await before.json()).toEqual(MANIFEST);
  expect(await after.json()).toEqual({ ...MANIFEST, loras: [] });
});

test.for([
  { what: 'no JSON', text: '{', reason: 'not JSON' },
  { what: 'another version', text: JSON.stringify({ ...MANIFEST, version: 2 }), reason: 'version' },
  { what: 'a bad hash', text: JSON.stringify(MANIFEST).replace('1'.repeat(64), 'x'), reason: 'models.0.text.tokenizer.sha256' },
])('$what is not served', async ({ text, reason }) => {
  await env.WEIGHTS.put(CATALOGUE_KEY, text);
  expect(await problemOf(await read())).toMatchObject({ status: 503, code: 'manifest_invalid', detail: expect.stringContaining(reason) });
});

test('HEAD tells size and ETag', async () => {
  await publish();
  const response = await fetchEdge('/v1/manifest?site=pk_reader', { method: 'HEAD' });
  expect([response.status, await response.text()]).toEqual([200, '']);
  expect(response.headers.get('etag')).toMatch(/^"/);
});
