import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { folderBlobs } from '../../../models-manifest/cli/folder-blobs.ts';
import { Store, writeWhole } from '../../../models-manifest/cli/store.ts';
import { tempRoot } from './temp-root.ts';

const root = tempRoot();
const BYTES = new TextEncoder().encode('weights');
/** `printf weights | sha256sum` */
const SHA256 = '9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c';

describe('a file of the store', () => {
  test('is named by its SHA-256, with nothing beside it', async () => {
    const store = new Store(path.join(root, 'named'));
    expect(await store.put(BYTES)).toEqual({ sha256: SHA256, bytes: 7 });
    expect(await readdir(path.join(store.root, 'blobs'))).toEqual([SHA256]);
    expect(await readFile(store.blobPath(SHA256), 'utf8')).toBe('weights');
  });

  // The error for a damaged file tells people to prepare the model again: that must help.
  test.each([
    ['with another byte', (file: string) => writeFile(file, 'weighty')],
    ['cut short', (file: string) => truncate(file, 3)],
  ])('%s is noticed when read, and mended when kept again', async (about, damage) => {
    const store = new Store(path.join(root, about));
    const ref = await store.put(BYTES);
    await damage(store.blobPath(ref.sha256));
    await expect(folderBlobs(store).fetch([ref])).rejects.toMatchObject({ code: expect.stringMatching(/^blob_(corrupt|size_mismatch)$/) });
    await store.put(BYTES);
    const blobs = await folderBlobs(store).fetch([ref]);
    expect(new TextDecoder().decode(blobs.get(SHA256))).toBe('weights');
  });

  test('that is missing is named', async () => {
    const blobs = folderBlobs(new Store(path.join(root, 'empty'))).fetch([{ sha256: SHA256, bytes: 7 }]);
    await expect(blobs).rejects.toMatchObject({ code: 'store_invalid', message: expect.stringContaining(`${SHA256} is missing`) });
  });
});

describe('a catalogue', () => {
  test('of a store that is not there is empty', async () => {
    const store = new Store(path.join(root, 'nowhere'));
    expect(await store.manifest()).toEqual({ version: 1, models: [], loras: [] });
    await expect(store.model(undefined)).rejects.toMatchObject({
      code: 'not_in_catalogue',
      message: expect.stringMatching(/it has none$/),
    });
  });

  test.each([
    ['not-json', '{"version": 1,', /manifest\.json is not JSON$/],
    ['another-version', '{"version": 2, "models": [], "loras": []}', /manifest\.json: version: /],
    ['half-a-model', '{"version": 1, "models": [{"id": "a"}], "loras": []}', /manifest\.json: models\.0\.\w+: /],
  ])('that is %s is refused by name', async (name, text, message) => {
    const store = new Store(path.join(root, name));
    await writeWhole(path.join(store.root, 'manifest.json'), new TextEncoder().encode(text));
    await expect(store.manifest()).rejects.toMatchObject({ code: 'store_invalid', message: expect.stringMatching(message) });
  });
});
