import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { FetchProgress } from '../../../client/engine/weights/blob-source.ts';
import { HttpBlobs } from '../../../client/engine/weights/http-blobs.ts';
import { MemoryCache } from '../../../client/engine/weights/memory-cache.ts';
import { DEFAULT_RETRY } from '../../../client/engine/weights/retry.ts';
import type { DiptychError } from '../../../shared/errors.ts';
import type { BlobRef } from '../../../shared/manifest.ts';
import { EdgeServer, type Mischief } from './edge-server.ts';

let edge: EdgeServer;
let cache: MemoryCache;
let blobs: HttpBlobs;
let waits: number[];

beforeEach(async () => {
  edge = await EdgeServer.start();
  cache = new MemoryCache();
  waits = [];
  const retry = { ...DEFAULT_RETRY, sleep: async (ms: number) => void waits.push(ms), random: () => 1 };
  blobs = new HttpBlobs({ edge: edge.origin, site: 'pk_test', cache, retry });
});
afterEach(() => edge.stop());

const LARGE = 1 << 20;
const always = (status: number, code: string) => Array.from({ length: 9 }, () => ({ status, code }));
const pattern = (length: number, seed = 1) => Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * seed) & 255);

async function codeOf(refs: BlobRef[], signal?: AbortSignal): Promise<string> {
  return blobs.fetch(refs, signal ? { signal } : {}).then(
    () => 'fetched',
    (error: DiptychError) => error.code,
  );
}

test('downloads several blobs over one batch of addresses, and the second time from the cache', async () => {
  const contents = [pattern(1000, 1), pattern(200_000, 2), pattern(1, 3), pattern(5000, 4)];
  const refs = contents.map((bytes) => edge.add(bytes));
  const seen: FetchProgress[] = [];
  const found = await blobs.fetch([...refs, refs[0]!], { progress: (p) => seen.push(p) });
  expect(refs.map((ref) => found.get(ref.sha256))).toEqual(contents);
  expect(edge.signed).toEqual([refs.map((ref) => ref.sha256)]);
  expect(seen.at(-1)).toEqual({ loaded: 206_001, total: 206_001, cached: 0 });

  expect(await blobs.missing(refs)).toEqual([]);
  await blobs.fetch(refs, { progress: (p) => seen.push(p) });
  expect(edge.requests).toHaveLength(4);
  expect(seen.at(-1)).toEqual({ loaded: 206_001, total: 206_001, cached: 206_001 });
});

test('a broken connection goes on where it stopped', async () => {
  const bytes = pattern(LARGE);
  const ref = edge.add(bytes, { cutAfter: [300_000, 200_000] });
  expect((await blobs.fetch([ref])).get(ref.sha256)).toEqual(bytes);
  const starts = edge.requests.map(({ range }) => Number(/\d+/.exec(range ?? '0')![0]));
  expect(starts).toHaveLength(3);
  // How much of the cut answer arrived is the network's affair; that none of it is asked for twice is ours.
  expect(starts[0]).toBe(0);
  expect(starts[1]).toBeGreaterThan(0);
  expect(starts[2]).toBeGreaterThan(starts[1]!);
});

test('a server that ignores ranges makes it start again, and the count of bytes stays right', async () => {
  const bytes = pattern(LARGE);
  const ref = edge.add(bytes, { cutAfter: [300_000], noRanges: true });
  const seen: FetchProgress[] = [];
  expect((await blobs.fetch([ref], { progress: (p) => seen.push(p) })).get(ref.sha256)).toEqual(bytes);
  expect(seen.at(-1)!.loaded).toBe(LARGE);
});

test('an expired address is renewed for all blobs at once', async () => {
  const refs = [1, 2, 3].map((seed) => edge.add(pattern(LARGE, seed), { refuse: [{ status: 403, code: 'signature_expired' }] }));
  const found = await blobs.fetch(refs);
  expect(found.size).toBe(3);
  expect(edge.signed.length).toBe(2);
  expect(edge.requests.filter(({ url }) => url.endsWith('exp=2'))).toHaveLength(3);
  expect(waits).toEqual([]);
});

test('so is a presigned one, which its bucket refuses without a code', async () => {
  const ref = edge.add(pattern(LARGE), { refuse: [{ status: 403, code: '' }] });
  expect(await codeOf([ref])).toBe('fetched');
  expect(edge.requests.map(({ url }) => url.slice(-5))).toEqual(['exp=1', 'exp=2']);
});

test('429 and 5xx are waited out, longer each time', async () => {
  const busy = { status: 503, code: 'internal' };
  const ref = edge.add(pattern(100), { refuse: [busy, { status: 429, code: 'rate_limited' }, busy] });
  expect(await codeOf([ref])).toBe('fetched');
  expect(waits).toEqual([250, 500, 1000]);
});

test('a Retry-After of up to a minute is waited for, and told', async () => {
  const tooFast = (retryAfter: string) => ({ status: 429, code: 'rate_limited', retryAfter });
  edge.refuseToSign.push(tooFast('10'));
  const ref = edge.add(pattern(100), { refuse: [tooFast('60'), { status: 503, code: 'internal', retryAfter: '7' }] });
  const pauses: number[] = [];
  expect((await blobs.fetch([ref], { pause: (seconds) => pauses.push(seconds) })).size).toBe(1);
  expect(waits).toEqual([10_000, 60_000, 7000]);
  expect(pauses).toEqual([10, 60]);
});

test('a Retry-After that is a date says nothing of seconds', async () => {
  const ref = edge.add(pattern(100), { refuse: [{ status: 503, code: '', retryAfter: 'Mon, 23 Nov 2026 12:00:00 GMT' }] });
  expect(await codeOf([ref])).toBe('fetched');
  expect(waits).toEqual([250]);
});

test('a quota that is used up ends it where addresses are signed: one request', async () => {
  edge.refuseToSign.push(...Array.from({ length: 9 }, () => ({ status: 429, code: 'quota_exceeded', retryAfter: '30' })));
  await expect(blobs.fetch([edge.add(pattern(100))])).rejects.toMatchObject({ code: 'quota_exceeded', details: { retryAfter: 30 } });
  expect(edge.refuseToSign).toHaveLength(8);
  expect(waits).toEqual([]);
});

// Each address counts against the day's bytes of the site.
test('no address is renewed of what has arrived', async () => {
  const quick = edge.add(pattern(10));
  const expired = { status: 403, code: 'signature_expired' };
  const slow = edge.add(pattern(LARGE), { refuse: [{ status: 503, code: 'internal' }, expired] });
  const untilQuickArrived = () => vi.waitUntil(() => cache.has(quick)).then(() => undefined);
  blobs = new HttpBlobs({ edge: edge.origin, site: 'pk_test', cache, retry: { ...DEFAULT_RETRY, sleep: untilQuickArrived } });
  expect(await codeOf([quick, slow])).toBe('fetched');
  expect(edge.signed).toEqual([[quick.sha256, slow.sha256], [slow.sha256]]);
});

describe('refused, and nothing cached', () => {
  const good = pattern(LARGE);
  const corrupt = good.slice();
  corrupt[700_000]! ^= 1;
  test.each<[string, Mischief, string, number]>([
    ['a flipped bit', { serve: corrupt }, 'blob_corrupt', 1],
    ['a file that is too short', { serve: good.subarray(0, 1000) }, 'blob_size_mismatch', 1],
    ['a file that is too long', { serve: pattern(LARGE + 5) }, 'blob_size_mismatch', 1],
    ['a bad signature', { refuse: [{ status: 403, code: 'signature_invalid' }] }, 'signature_invalid', 1],
    ['a day whose quota is used up, for which nobody waits', { refuse: [{ status: 429, code: 'quota_exceeded' }] }, 'quota_exceeded', 1],
    ['an edge that is busy for an hour', { refuse: [{ status: 429, code: 'rate_limited', retryAfter: '3600' }] }, 'rate_limited', 1],
    ['another site’s address', { refuse: [{ status: 403, code: 'signature_other_site' }] }, 'signature_other_site', 1],
    ['a code of a later version', { refuse: [{ status: 418, code: 'teapot' }] }, 'download_failed', 1],
    ['a bucket that refuses every address', { refuse: always(403, '') }, 'download_failed', 5],
    ['addresses that expire at once, for ever', { refuse: always(403, 'signature_expired') }, 'signature_expired', 5],
    ['a line that breaks for ever', { cutAfter: Array<number>(9).fill(0) }, 'download_failed', 5],
  ])('%s', async (_, mischief, code, requests) => {
    const ref = edge.add(good, mischief);
    expect(await codeOf([ref])).toBe(code);
    expect(edge.requests).toHaveLength(requests);
    expect(await cache.get(ref)).toBeUndefined();
    expect(await blobs.missing([ref])).toEqual([ref]);
  });
});

test('a failure of one blob ends the others, and those that were whole stay cached', async () => {
  const whole = edge.add(pattern(10));
  const broken = edge.add(pattern(LARGE), { refuse: [{ status: 404, code: 'blob_not_found' }] });
  expect(await codeOf([whole, broken])).toBe('blob_not_found');
  expect(await blobs.missing([whole, broken])).toEqual([broken]);
});

test('a corrupted cached file is noticed on reading and downloaded again', async () => {
  const bytes = pattern(1000);
  const ref = edge.add(bytes);
  const rotten = bytes.slice();
  rotten[500]! ^= 128;
  await cache.put(ref, rotten);
  expect((await blobs.fetch([ref])).get(ref.sha256)).toEqual(bytes);
  expect(await cache.get(ref)).toEqual(bytes);
});

test('cancels in the middle of a download, and during a wait', async () => {
  const halfway = new AbortController();
  const ref = edge.add(pattern(8 * LARGE));
  const cancelled = blobs.fetch([ref], { signal: halfway.signal, progress: () => halfway.abort() });
  await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
  expect(await cache.get(ref)).toBeUndefined();

  const patient = new HttpBlobs({ edge: edge.origin, site: 'pk_test', cache, retry: { ...DEFAULT_RETRY, random: () => 1 } });
  const busy = edge.add(pattern(7), { refuse: always(503, 'internal') });
  const waiting = new AbortController();
  setTimeout(() => waiting.abort(), 100);
  await expect(patient.fetch([busy], { signal: waiting.signal })).rejects.toMatchObject({ code: 'cancelled' });
});

test('an edge that cannot be reached says so', async () => {
  const ref = edge.add(pattern(10));
  const nowhere = new HttpBlobs({
    edge: 'http://127.0.0.1:9',
    site: 'pk_test',
    cache,
    retry: { ...DEFAULT_RETRY, attempts: 2, sleep: async () => undefined },
  });
  await expect(nowhere.fetch([ref])).rejects.toMatchObject({ code: 'download_failed' });
});
