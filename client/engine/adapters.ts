import { type BlobRef, LORA_KINDS, type LoraEntry, type LoraKind, type ModelEntry } from '../../shared/manifest.ts';
import type { Component, Lora, LoraLayer } from '../../shared/lora/lora.ts';
import { readLora } from '../../shared/lora/read.ts';

/** The LoRAs of a request. */
export type AdapterFiles = Record<LoraKind, LoraEntry | undefined>;

/** The layers of both LoRAs, by the graph that they change. A LoRA that is absent has none. */
export type Adapters = Record<Component, Record<LoraKind, readonly LoraLayer[]>>;

export function adapterRefs(files: AdapterFiles): BlobRef[] {
  return LORA_KINDS.flatMap((kind) => files[kind]?.file ?? []);
}

/** So that an absent LoRA is the same in every run, as one that is kept is. */
const NONE: readonly LoraLayer[] = [];

/** Reads the LoRAs of one model, and keeps those of the last request: what is made of a pair (`perPair`, factors on the device) stays good. */
export class AdapterReader {
  readonly #model: ModelEntry;
  #known: ReadonlyMap<string, Lora> = new Map();

  constructor(model: ModelEntry) {
    this.#model = model;
  }

  /** @throws the `lora_...` codes */
  read(files: AdapterFiles, blobs: ReadonlyMap<string, Uint8Array>): Adapters {
    const loras = LORA_KINDS.map((kind) => files[kind] && this.#lora(files[kind], blobs));
    const entries = LORA_KINDS.flatMap((kind, k) => (files[kind] ? [[files[kind].file.sha256, loras[k]!] as const] : []));
    this.#known = new Map(entries);
    const pairOf = (component: Component) => ({ subject: loras[0]?.[component] ?? NONE, style: loras[1]?.[component] ?? NONE });
    return { denoiser: pairOf('denoiser'), textEncoder: pairOf('textEncoder'), textEncoder2: pairOf('textEncoder2') };
  }

  #lora({ id, file: { sha256 } }: LoraEntry, blobs: ReadonlyMap<string, Uint8Array>): Lora {
    return this.#known.get(sha256) ?? readLora(blobs.get(sha256)!, this.#model.layers, `${id} (${sha256})`);
  }
}
