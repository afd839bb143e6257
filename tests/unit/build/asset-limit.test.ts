import { mkdir, mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkAssetSizes } from '../../../client/asset-limit.ts';

const LIMIT = 26_214_400;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'diptych-assets-'));
  await mkdir(join(folder, 'embed/ort/9.9.9'), { recursive: true });
});
afterEach(() => rm(folder, { recursive: true }));

/** A file of that size, which takes no room on the disk. */
async function fileOf(name: string, bytes: number): Promise<void> {
  await writeFile(join(folder, name), '');
  await truncate(join(folder, name), bytes);
}

test('25 MiB exactly are taken', async () => {
  await fileOf('embed/ort/9.9.9/large.wasm', LIMIT);
  await expect(checkAssetSizes(folder)).resolves.toBeUndefined();
});

/** onnxruntime-web 1.30.0 has a build of 25.54 MiB. */
test('a byte more stops the build, and each file is named', async () => {
  await fileOf('embed/ort/9.9.9/a.wasm', LIMIT + 1);
  await fileOf('embed/ort/9.9.9/b.wasm', 2 * LIMIT);
  await fileOf('embed/ort/9.9.9/c.wasm', LIMIT);
  await expect(checkAssetSizes(folder)).rejects.toMatchObject({
    code: 'edge_not_ready',
    message: expect.stringMatching(/a\.wasm \(26214401 bytes\), embed\/ort\/9\.9\.9\/b\.wasm \(52428800 bytes\)\. .*onnxruntime-web/),
    details: { files: ['embed/ort/9.9.9/a.wasm', 'embed/ort/9.9.9/b.wasm'] },
  });
});

test('the builds of the pinned onnxruntime-web that the engine uses fit', async () => {
  const dist = 'node_modules/onnxruntime-web/dist';
  const builds = (await readdir(dist)).filter((name) => /^ort-wasm-simd-threaded(\.asyncify|\.jspi)?\.wasm$/.test(name));
  expect(builds).toHaveLength(3);
  for (const name of builds) expect((await stat(join(dist, name))).size, name).toBeLessThanOrEqual(LIMIT);
});
