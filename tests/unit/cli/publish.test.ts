import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addLora } from '../../../models-manifest/cli/lora/add-lora.ts';
import { prepareModel } from '../../../models-manifest/cli/pipeline/prepare-model.ts';
import { openLocalTarget } from '../../../models-manifest/cli/publish/local-target.ts';
import { publish } from '../../../models-manifest/cli/publish/publish.ts';
import type { PublishTarget } from '../../../models-manifest/cli/publish/target.ts';
import { Store } from '../../../models-manifest/cli/store.ts';
import { manifestBlobs } from '../../../shared/manifest.ts';
import { SD15 } from './fixture-folder.ts';
import { tempRoot } from './temp-root.ts';
import { TINY_OPTIONS, tinyPipeline } from './tiny-pipeline.ts';

const root = tempRoot();
const store = new Store(path.join(root, 'store'));
const CATALOGUE = 'catalogue/manifest.json';
const ignore = () => undefined;

let target: PublishTarget;
beforeAll(async () => {
  await prepareModel(await tinyPipeline(path.join(root, 'pipeline')), store, TINY_OPTIONS, ignore);
  target = await openLocalTarget(path.join(root, 'state'));
}, 60_000);
afterAll(() => target.close());

/** How the catalogue of `store` stands in the bucket, in bytes. */
const catalogueBytes = async () => JSON.stringify(await store.manifest()).length;
const addStyle = (id: string, file = 'style.peft') =>
  addLora(path.join(SD15, `lora/${file}.safetensors`), store, {
    id,
    kind: 'style',
    model: 'tiny',
    trigger: id,
    license: 'CC0-1.0',
    author: 'Diptych',
  });

test('an empty store has nothing to publish', async () => {
  const empty = new Store(path.join(root, 'empty'));
  await expect(publish(empty, target, ignore)).rejects.toMatchObject({
    code: 'store_invalid',
    message: expect.stringMatching(/empty holds no model/),
  });
});

test('cancelled before the first file, it sends no catalogue', async () => {
  const published = publish(store, target, ignore, AbortSignal.abort());
  await expect(published).rejects.toMatchObject({ code: 'cancelled' });
  expect(await target.has(CATALOGUE, await catalogueBytes())).toBe(false);
});

test('the first time everything is sent, with the progress up to the whole', async () => {
  const refs = new Map(manifestBlobs(await store.manifest()).map((ref) => [ref.sha256, ref]));
  const total = [...refs.values()].reduce((sum, ref) => sum + ref.bytes, 0);
  const progress: [number, number][] = [];
  const result = await publish(store, target, (...step) => void progress.push(step));
  expect(result).toEqual({ models: 1, loras: 0, sent: refs.size, bytesSent: total, bytesKept: 0 });
  expect(progress.length).toBe(refs.size);
  expect(progress.at(-1)).toEqual([total, total]);
  for (const { sha256, bytes } of refs.values()) expect(await target.has(`blobs/${sha256}`, bytes)).toBe(true);
  expect(await target.has(CATALOGUE, await catalogueBytes())).toBe(true);
});

test('the second time nothing is sent', async () => {
  const { bytesSent } = await publish(store, target, ignore);
  expect(await publish(store, target, ignore)).toMatchObject({ sent: 0, bytesSent: 0 });
  expect(bytesSent).toBe(0);
});

test('a LoRA that was added is all that is sent', async () => {
  const { file } = await addStyle('first');
  expect(await publish(store, target, ignore)).toMatchObject({ loras: 1, sent: 1, bytesSent: file.bytes });
});

test('a damaged or missing file is refused, and the old catalogue stays', async () => {
  const old = await catalogueBytes();
  const { file } = await addStyle('second', 'style.peft.fp16');
  const blob = store.blobPath(file.sha256);
  const bytes = await readFile(blob);
  await writeFile(blob, bytes.with(100, bytes[100]! ^ 1));
  await expect(publish(store, target, ignore)).rejects.toMatchObject({
    code: 'blob_corrupt',
    message: expect.stringContaining(file.sha256),
  });
  await writeFile(blob, bytes.subarray(0, -1));
  await expect(publish(store, target, ignore)).rejects.toMatchObject({ code: 'blob_size_mismatch' });
  await rm(blob);
  await expect(publish(store, target, ignore)).rejects.toMatchObject({
    code: 'store_invalid',
    message: expect.stringContaining(`${blob} is missing`),
  });
  expect(await catalogueBytes()).not.toBe(old);
  expect(await target.has(CATALOGUE, old)).toBe(true);
  expect(await target.has(`blobs/${file.sha256}`, file.bytes)).toBe(false);

  await addStyle('second', 'style.peft.fp16');
  expect((await stat(blob)).size).toBe(file.bytes);
  expect(await publish(store, target, ignore)).toMatchObject({ loras: 2, sent: 1 });
  expect(await target.has(CATALOGUE, await catalogueBytes())).toBe(true);
});
