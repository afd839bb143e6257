/** A store: `manifest.json` and `blobs/<sha256>`, what `diptych publish` sends to the edge. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { DiptychError } from '../../shared/errors.ts';
import { type BlobRef, type LoraEntry, Manifest, type ModelEntry } from '../../shared/manifest.ts';

const EMPTY: Manifest = { version: 1, models: [], loras: [] };

export class Store {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  blobPath(sha256: string): string {
    return path.join(this.root, 'blobs', sha256);
  }

  /** @throws DiptychError `store_invalid` naming the field that is not of the documented form */
  async manifest(): Promise<Manifest> {
    const file = path.join(this.root, 'manifest.json');
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text === undefined) return EMPTY;
    const parsed = v.safeParse(Manifest, parseJson(text, file));
    if (parsed.success) return parsed.output;
    const [issue] = parsed.issues;
    throw new DiptychError('store_invalid', `${file}: ${v.getDotPath(issue) ?? 'the whole'}: ${issue.message}`, { file });
  }

  /** Adds a model, in place of one of the same id; LoRAs of that id stay. */
  async addModel(model: ModelEntry): Promise<void> {
    const manifest = await this.manifest();
    await this.#write({ ...manifest, models: replaced(manifest.models, model) });
  }

  /** Adds a LoRA, in place of one of the same id. */
  async addLora(lora: LoraEntry): Promise<void> {
    const manifest = await this.manifest();
    await this.#write({ ...manifest, loras: replaced(manifest.loras, lora) });
  }

  /** @throws DiptychError `not_in_catalogue` listing what there is */
  async model(id: string | undefined): Promise<ModelEntry> {
    return this.#entry('model', (await this.manifest()).models, id);
  }

  /** @throws DiptychError `not_in_catalogue` listing what there is */
  async lora(kind: LoraEntry['kind'], model: string, id: string): Promise<LoraEntry> {
    const { loras } = await this.manifest();
    return this.#entry(
      `${kind} LoRA for ${model}`,
      loras.filter((lora) => lora.kind === kind && lora.model === model),
      id,
    );
  }

  /** Keeps `bytes` under their SHA-256; a file of that name that was damaged is mended. */
  async put(bytes: Uint8Array): Promise<BlobRef> {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const file = this.blobPath(sha256);
    const known = await readFile(file).catch(() => undefined);
    if (!known?.equals(bytes)) await writeWhole(file, bytes);
    return { sha256, bytes: bytes.length };
  }

  #entry<E extends { id: string }>(what: string, entries: E[], id: string | undefined): E {
    const found = id === undefined && entries.length === 1 ? entries[0] : entries.find((entry) => entry.id === id);
    if (found) return found;
    const ids = entries.map((entry) => entry.id);
    const known = ids.length > 0 ? `it has ${ids.join(', ')}` : 'it has none';
    const asked =
      id === undefined && ids.length > 1 ? `more than one ${what}; say which` : `no ${what}${id === undefined ? '' : ` named ${id}`}`;
    throw new DiptychError('not_in_catalogue', `the store ${this.root} has ${asked}; ${known}`, { known: ids });
  }

  async #write(manifest: Manifest): Promise<void> {
    const text = JSON.stringify(v.parse(Manifest, manifest), undefined, 1);
    await writeWhole(path.join(this.root, 'manifest.json'), new TextEncoder().encode(`${text}\n`));
  }
}

function replaced<E extends { id: string }>(entries: readonly E[], entry: E): E[] {
  return [...entries.filter((other) => other.id !== entry.id), entry].toSorted((a, b) => a.id.localeCompare(b.id));
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DiptychError('store_invalid', `${file} is not JSON`, { file }, { cause });
  }
}

/** A reader sees the old file or the new one, never half of it. */
export async function writeWhole(file: string, bytes: Uint8Array): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}.part`;
  await writeFile(draft, bytes);
  await rename(draft, file);
}
