/** Fills a store with the demo model and its LoRAs, by the same functions as `diptych prepare` and `diptych lora add`. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { LORA_KINDS } from '../../../shared/manifest.ts';
import { addLora } from '../lora/add-lora.ts';
import { requireConfig } from '../pipeline/read-config.ts';
import { type OnStage, prepareModel } from '../pipeline/prepare-model.ts';
import { type Store, writeWhole } from '../store.ts';

/** The demo model as committed: a pipeline folder and its LoRAs. */
export const DEMO = fileURLToPath(new URL('../../demo', import.meta.url));

const Catalogue = v.object({
  model: v.object({
    id: v.string(),
    name: v.string(),
    license: v.string(),
    author: v.string(),
    steps: v.number(),
    guidanceScale: v.number(),
    shardMiB: v.number(),
  }),
  provenance: v.string(),
  loras: v.array(
    v.object({
      id: v.string(),
      kind: v.picklist(LORA_KINDS),
      name: v.string(),
      file: v.string(),
      thumbnail: v.string(),
      references: v.string(),
    }),
  ),
});

/** The code that decides what a prepared model looks like. */
const SOURCES = [
  '../../../shared/onnx',
  '../../../shared/fusion',
  '../../../shared/guidance',
  '../../../shared/lora',
  '../../../shared/text',
  '../pipeline',
  '../lora',
];

/** Does nothing where the store was seeded from these very files by this very code; says whether it did. */
export async function seedStore(store: Store, onStage: OnStage): Promise<boolean> {
  const stamp = path.join(store.root, 'demo.stamp');
  const wanted = await fingerprint([DEMO, ...SOURCES.map((folder) => fileURLToPath(new URL(folder, import.meta.url)))]);
  if ((await readFile(stamp, 'utf8').catch(() => undefined)) === wanted) return false;
  const { model, loras } = await requireConfig(DEMO, 'catalogue.json', Catalogue);
  const { shardMiB, ...entry } = model;
  // The committed weights are float16 already.
  await prepareModel(DEMO, store, { ...entry, weights: 'float32', shardBytes: shardMiB * 2 ** 20 }, onStage);
  for (const { id, kind, name, file, thumbnail, references } of loras) {
    const options = {
      id,
      kind,
      name,
      model: model.id,
      license: model.license,
      author: model.author,
      thumbnail: path.join(DEMO, thumbnail),
      reference: (await readdir(path.join(DEMO, references))).toSorted().map((picture) => path.join(DEMO, references, picture)),
    };
    await addLora(path.join(DEMO, file), store, options);
  }
  await writeWhole(stamp, new TextEncoder().encode(wanted));
  return true;
}

async function fingerprint(folders: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const folder of folders) {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
    for (const file of files.toSorted()) hash.update(path.relative(folder, file)).update(await readFile(file));
  }
  return hash.digest('hex');
}
