import { type Remote, wrap } from 'comlink';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { refOf } from './blob-ref.ts';
import type { opfsProbe } from './opfs-worker.ts';

let worker: Worker;
let probe: Remote<typeof opfsProbe>;

beforeAll(() => {
  worker = new Worker(new URL('./opfs-worker.ts', import.meta.url), { type: 'module' });
  probe = wrap(worker);
});
afterAll(() => worker.terminate());
beforeEach(() => probe.clear());

const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7) & 255);

test('keeps a file under its hash and nothing else', async () => {
  const ref = await refOf(bytes);
  expect(await probe.has(ref)).toBe(false);
  expect(await probe.get(ref)).toBeUndefined();
  await probe.put(ref, bytes);
  expect(await probe.has(ref)).toBe(true);
  expect(await probe.get(ref)).toEqual(bytes);
  expect(await probe.names()).toEqual([ref.sha256]);
  await probe.remove(ref);
  expect(await probe.names()).toEqual([]);
});

test('putting a file again, as a second tab would, replaces it', async () => {
  const ref = await refOf(bytes);
  await probe.put(ref, bytes);
  await probe.put(ref, bytes);
  expect(await probe.names()).toEqual([ref.sha256]);
  expect(await probe.get(ref)).toEqual(bytes);
});

test('what a crash left half-written is never served, and goes', async () => {
  const ref = await refOf(bytes);
  await probe.plant(`${ref.sha256}.0000.partial`, bytes.subarray(0, 100));
  expect(await probe.has(ref)).toBe(false);
  expect(await probe.names()).toEqual([]);
});

test('a truncated file does not count as there', async () => {
  const ref = await refOf(bytes);
  await probe.plant(ref.sha256, bytes.subarray(0, 100));
  expect(await probe.has(ref)).toBe(false);
});

test('a file that rotted on disk is downloaded again, once', async () => {
  const ref = await refOf(bytes);
  const rotten = bytes.slice();
  rotten[1234]! ^= 4;
  await probe.plant(ref.sha256, rotten);
  expect(await probe.fetchThrough(ref, bytes)).toEqual({ bytes, requests: 1 });
  expect(await probe.fetchThrough(ref, bytes)).toEqual({ bytes, requests: 0 });
});

test('a corrupt download is not cached', async () => {
  const ref = await refOf(bytes);
  const corrupt = bytes.slice();
  corrupt[0]! ^= 1;
  await expect(probe.fetchThrough(ref, corrupt)).rejects.toThrow(ref.sha256);
  expect(await probe.names()).toEqual([]);
});
