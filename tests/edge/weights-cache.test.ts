/** What of the store the data centre's cache holds, when, and who still has to show what for it. */
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, test, vi } from 'vitest';
import { createApp } from '../../worker/app.ts';
import { readKeyRing } from '../../worker/key-ring.ts';
import { signedPath } from '../../worker/signing.ts';
import { blobKey } from '../../worker/storage/blobs.ts';
import { EDGE, fetchEdge, problemOf } from './fetch-edge.ts';
import { insertBlob, insertSite, publishShards } from './store-fixture.ts';

const ORIGIN = 'https://viewer.example';
const OTHER = 'https://other.example';
await insertSite('pk_viewer', [ORIGIN]);
await insertSite('pk_other', [OTHER]);

const ring = await readKeyRing(env.SIGNING_KEYS);
const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;
const sign = (sha256: string, site = 'pk_viewer') => signedPath({ sha256, site, exp: inAnHour() }, ring);
const cached = (sha256: string) => caches.default.match(`${EDGE}/v1/weights/${sha256}`);
const contentOf = async (response: Response) => new Uint8Array(await response.arrayBuffer());
const MIB = 2 ** 20;

function noise(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let start = 0; start < length; start += 65_536) crypto.getRandomValues(bytes.subarray(start, start + 65_536));
  return bytes;
}

/** A shard that the catalogue names, of bytes of its own. */
async function shard(length = 1000): Promise<{ sha256: string; bytes: Uint8Array<ArrayBuffer> }> {
  const bytes = noise(length);
  const sha256 = await insertBlob(bytes);
  await publishShards([{ sha256, bytes: length }]);
  return { sha256, bytes };
}

/** One request to an app of its own, over a store of its own where one is given. It has done all that it leaves for later. */
async function ask(
  sha256: string,
  headers: Record<string, string> = {},
  bindings = {},
  app = createApp(),
): Promise<Uint8Array<ArrayBuffer>> {
  const context = createExecutionContext();
  const response = await app.fetch(new Request(EDGE + (await sign(sha256)), { headers }), { ...env, ...bindings }, context);
  expect([200, 206]).toContain(response.status);
  const content = await contentOf(response);
  await waitOnExecutionContext(context);
  return content;
}

/** The real bucket, with its `get` replaced. */
function bucketWith(get: (key: string, options?: R2GetOptions) => Promise<R2ObjectBody | null>): R2Bucket {
  return new Proxy(env.WEIGHTS, {
    get: (bucket, name) => (name === 'get' ? get : (Reflect.get(bucket, name) as () => unknown).bind(bucket)),
  });
}

describe('what is kept', () => {
  test('a whole file that was fetched; a range, HEAD or 304 keeps nothing', async () => {
    const { sha256, bytes } = await shard();
    expect(await ask(sha256, { range: 'bytes=0-9' })).toEqual(bytes.subarray(0, 10));
    expect(await ask(sha256, { range: 'bytes=0-' })).toEqual(bytes);
    const context = createExecutionContext();
    for (const init of [{ method: 'HEAD' }, { headers: { 'if-none-match': '*' } }])
      await createApp().fetch(new Request(EDGE + (await sign(sha256)), init), env, context);
    await waitOnExecutionContext(context);
    expect(await cached(sha256)).toBeUndefined();
    await ask(sha256);
    expect(await contentOf((await cached(sha256))!)).toEqual(bytes);
  });

  test('no signature, no site and no CORS header; every visitor needs a signature still', async () => {
    const { sha256, bytes } = await shard();
    await ask(sha256, { origin: ORIGIN });
    expect([...(await cached(sha256))!.headers.keys()].toSorted()).toEqual(
      expect.not.arrayContaining(['access-control-allow-origin', 'timing-allow-origin', 'vary', 'x-request-id', 'set-cookie']),
    );
    // From here on R2 has nothing to say.
    await env.WEIGHTS.delete(blobKey(sha256));
    const other = await fetchEdge(await sign(sha256, 'pk_other'), { headers: { origin: OTHER } });
    expect(other.headers.get('access-control-allow-origin')).toBe(OTHER);
    expect(other.headers.get('timing-allow-origin')).toBe(OTHER);
    expect(await contentOf(other)).toEqual(bytes);
    const expired = await signedPath({ sha256, site: 'pk_viewer', exp: 1 }, ring);
    for (const [path, status, code] of [
      [`/v1/weights/${sha256}`, 401, 'signature_missing'],
      [expired, 403, 'signature_expired'],
      [(await sign(sha256)).replace('site=pk_viewer', 'site=pk_other'), 403, 'signature_other_site'],
      [(await sign(sha256)).replace(/.$/, (digit) => (digit === '0' ? '1' : '0')), 403, 'signature_invalid'],
    ] as const)
      for (const headers of [{}, { range: 'bytes=0-9' }, { 'if-none-match': '*' }])
        expect(await problemOf(await fetchEdge(path, { headers: headers as Record<string, string> }))).toMatchObject({ status, code });
  });

  test('a signed address is not in the cache, so a request with it cannot be answered past the edge', async () => {
    const { sha256 } = await shard();
    const address = await sign(sha256);
    await contentOf(await fetchEdge(address));
    await vi.waitFor(async () => expect(await cached(sha256)).toBeDefined());
    expect(await caches.default.match(EDGE + address)).toBeUndefined();
  });

  test('nothing that the catalogue does not name, or no longer names', async () => {
    const { sha256, bytes } = await shard();
    await publishShards([]);
    expect(await ask(sha256)).toEqual(bytes);
    expect(await cached(sha256)).toBeUndefined();
  });
});

/** What is cached is served for a year, so a file that was cut on its way into the bucket must not get there. */
test('a file of another size than the catalogue says is not kept, and the log says so', async () => {
  const { sha256, bytes } = await shard();
  await env.WEIGHTS.put(blobKey(sha256), bytes.subarray(0, 600));
  const log = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  expect(await ask(sha256)).toEqual(bytes.subarray(0, 600));
  expect(log.mock.calls.flat().join()).toMatch(/cache_failed.*has 600 bytes where the catalogue says 1000/);
  log.mockRestore();
  expect(await cached(sha256)).toBeUndefined();
  // Published again, it is whole at once.
  await env.WEIGHTS.put(blobKey(sha256), bytes);
  expect(await ask(sha256)).toEqual(bytes);
  expect(await contentOf((await cached(sha256))!)).toEqual(bytes);
});

test('a copy that breaks off on its way from R2 is not kept', async () => {
  const { sha256, bytes } = await shard(200_000);
  let gets = 0;
  const WEIGHTS = bucketWith(async (key, options) => {
    const object = await env.WEIGHTS.get(key, options as R2GetOptions);
    if (!key.startsWith('blobs/')) return object;
    gets += 1;
    if (gets === 1) return object;
    const half = object!.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => {
          controller.enqueue(chunk.subarray(0, 10));
          controller.error(new Error('R2 went away'));
        },
      }),
    );
    return new Proxy(object!, { get: (target, name) => (name === 'body' ? half : Reflect.get(target, name, target)) });
  });
  const log = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  expect(await ask(sha256, {}, { WEIGHTS })).toEqual(bytes);
  expect(gets).toBe(2);
  expect(log.mock.calls.flat().join()).toContain('cache_failed');
  log.mockRestore();
  expect(await cached(sha256)).toBeUndefined();
});

test('visitors who come at once each get the whole file, for one copy', async () => {
  const { sha256, bytes } = await shard(100_000);
  const keys: string[] = [];
  const WEIGHTS = bucketWith((key, options) => {
    if (key.startsWith('blobs/')) keys.push(key);
    return env.WEIGHTS.get(key, options as R2GetOptions);
  });
  const app = createApp();
  const all = await Promise.all(Array.from({ length: 8 }, () => ask(sha256, {}, { WEIGHTS }, app)));
  for (const content of all) expect(content).toEqual(bytes);
  expect(keys.length).toBeLessThanOrEqual(8 + 1);
  expect(await contentOf((await cached(sha256))!)).toEqual(bytes);
});

test('a copy that was thrown out is fetched again, and a file that is nowhere is not found', async () => {
  const { sha256, bytes } = await shard();
  await ask(sha256);
  await caches.default.delete(`${EDGE}/v1/weights/${sha256}`);
  expect(await ask(sha256, { range: 'bytes=-7' })).toEqual(bytes.subarray(-7));
  expect(await ask(sha256)).toEqual(bytes);
  await env.WEIGHTS.delete(blobKey(sha256));
  expect(await ask(sha256, { range: 'bytes=-7' })).toEqual(bytes.subarray(-7));
  const outside = await fetchEdge(await sign(sha256), { headers: { range: 'bytes=1000-' } });
  expect(outside.headers.get('content-range')).toBe('bytes */1000');
  expect(await problemOf(outside)).toMatchObject({ status: 416 });
  await caches.default.delete(`${EDGE}/v1/weights/${sha256}`);
  for (const headers of [{}, { range: 'bytes=-7' }, { 'if-none-match': '*' }])
    expect(await problemOf(await fetchEdge(await sign(sha256), { headers: headers as Record<string, string> }))).toMatchObject({
      status: 404,
      code: 'blob_not_found',
    });
});

describe('a large shard', () => {
  test('arrives whole, and in two halves', async () => {
    const { sha256 } = await shard(8 * MIB);
    const ranges = ['bytes=0-4194303', 'bytes=4194304-'];
    const halves = await Promise.all(ranges.map((range) => ask(sha256, { range })));
    // By their hash: a comparison of so many elements takes seconds.
    expect(await insertBlob(new Uint8Array(await new Blob(halves).arrayBuffer()))).toBe(sha256);
    expect(await insertBlob(await ask(sha256))).toBe(sha256);
  });

  test.for(['whole', 'bytes=0-'])('%s: the visitor has its first bytes while R2 still has most of the others', async (range) => {
    const { sha256, bytes } = await shard(16 * MIB);
    let read = 0;
    const counted = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        read += chunk.byteLength;
        controller.enqueue(chunk);
      },
    });
    const WEIGHTS = bucketWith(async (key, options) => {
      const object = await env.WEIGHTS.get(key, options as R2GetOptions);
      // The second read is the cache's own.
      if (!key.startsWith('blobs/') || counted.writable.locked) return object;
      const body = object!.body.pipeThrough(counted);
      return new Proxy(object!, { get: (target, name) => (name === 'body' ? body : Reflect.get(target, name, target)) });
    });
    const headers: Record<string, string> = range === 'whole' ? {} : { range };
    const context = createExecutionContext();
    const response = await createApp().fetch(new Request(EDGE + (await sign(sha256)), { headers }), { ...env, WEIGHTS }, context);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const { value } = await reader.read();
    expect(value).toEqual(bytes.subarray(0, value!.byteLength));
    // A visitor who does not read on holds R2 up; the rest is not gathered in the Worker.
    await waitOnExecutionContext(context);
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThan(4 * MIB);
    await reader.cancel();
  });
});
