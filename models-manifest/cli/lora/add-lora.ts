/** `diptych lora add`: from a LoRA file to an entry of the catalogue. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { DiptychError } from '../../../shared/errors.ts';
import { COMPONENTS } from '../../../shared/lora/lora.ts';
import { readLora } from '../../../shared/lora/read.ts';
import { readSafetensors } from '../../../shared/lora/safetensors.ts';
import { writeLora } from '../../../shared/lora/write.ts';
import { LoraEntry, type LoraKind, type ModelEntry } from '../../../shared/manifest.ts';
import type { Store } from '../store.ts';
import { embedReferences, readReferences } from './lora-references.ts';
import { readLoraFile } from './read-lora-file.ts';
import { frequentTags, triggerOf } from './training-facts.ts';

export interface AddLoraOptions {
  kind: LoraKind;
  model: string;
  id?: string;
  name?: string;
  trigger?: string;
  license: string;
  author: string;
  /** A PNG, JPEG or WebP file. */
  thumbnail?: string;
  /** PNG files of what it teaches, for metric guidance. */
  reference?: readonly string[];
  /** A JSON file of their embeddings, in place of pictures. */
  references?: string;
}

const IMAGE_TYPES: Record<string, string> = { '.png': 'image/png', '.jpg': 'image/jpeg', '.jpeg': 'image/jpeg', '.webp': 'image/webp' };

/**
 * Reads `file` against its base, keeps it as canonical safetensors (float16 where the source is) and adds it to the catalogue.
 *
 * @throws DiptychError the `lora_...` codes, `not_in_catalogue`, `usage`, `guidance_unavailable`
 */
export async function addLora(file: string, store: Store, options: AddLoraOptions): Promise<LoraEntry> {
  const base = await store.model(options.model);
  const { bytes, config } = await readLoraFile(file);
  const lora = readLora(bytes, base.layers, file, config);
  const layers = COMPONENTS.flatMap((component) => lora[component]);
  const half = [...readSafetensors(bytes, file).tensors].every(([key, tensor]) => tensor.dtype === 'F16' || key.endsWith('.alpha'));
  const stem = path.basename(file).replace(/\.safetensors$/, '');
  const references = await referencesOf(store, base, options);
  const trigger = options.trigger ?? triggerOf(lora.metadata) ?? refuseWithoutTrigger(lora.metadata, file);
  const entry = v.safeParse(LoraEntry, {
    id: options.id ?? stem.toLowerCase().replace(/[^a-z0-9]+/g, '-'),
    model: base.id,
    kind: options.kind,
    name: options.name ?? stem,
    trigger,
    license: options.license,
    author: options.author,
    rank: Math.max(...layers.map((layer) => layer.rank)),
    layerCount: layers.length,
    file: await store.put(writeLora(lora, half ? 'F16' : 'F32')),
    ...(references ? { references } : {}),
    ...(options.thumbnail === undefined ? {} : { thumbnail: await dataUrl(options.thumbnail) }),
  });
  if (!entry.success) {
    const [issue] = entry.issues;
    throw new DiptychError('manifest_invalid', `${file}: ${v.getDotPath(issue) ?? 'the entry'}: ${issue.message}`, { file });
  }
  await store.addLora(entry.output);
  return entry.output;
}

async function referencesOf(
  store: Store,
  base: ModelEntry,
  { kind, reference = [], references }: AddLoraOptions,
): Promise<LoraEntry['references']> {
  if (references !== undefined) return readReferences(store, base, kind, references);
  return reference.length > 0 ? embedReferences(store, base, kind, reference) : undefined;
}

function refuseWithoutTrigger(metadata: Readonly<Record<string, string>>, file: string): never {
  const tags = frequentTags(metadata, 3).map(({ tag }) => tag);
  const hint = tags.length > 0 ? ` (the most frequent tags of its pictures are: ${tags.join(', ')})` : '';
  throw new DiptychError('usage', `${file} does not say which words call it; give --trigger "..."${hint}`, { file });
}

async function dataUrl(file: string): Promise<string> {
  const type = IMAGE_TYPES[path.extname(file).toLowerCase()];
  if (type === undefined) throw new DiptychError('usage', `${file}: a thumbnail is a PNG, JPEG or WebP file`, { file });
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new DiptychError('usage', `${file} cannot be read`, { file }, { cause });
  });
  return `data:${type};base64,${bytes.toString('base64')}`;
}
