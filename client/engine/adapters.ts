import { type BlobRef, LORA_KINDS, type LoraEntry, type LoraKind, type ModelEntry } from '../../shared/manifest.ts';
import type { Component, LoraLayer } from '../../shared/lora/lora.ts';
import { readLora } from '../../shared/lora/read.ts';

/** The LoRAs of a request. */
export type AdapterFiles = Record<LoraKind, LoraEntry | undefined>;

/** The layers of both LoRAs, by the graph that they change. A LoRA that is absent has none. */
export type Adapters = Record<Component, Record<LoraKind, readonly LoraLayer[]>>;

export function adapterRefs(files: AdapterFiles): BlobRef[] {
  return LORA_KINDS.flatMap((kind) => files[kind]?.file ?? []);
}

/**
 * Reads the LoRAs of a request against the layers of its model.
 *
 * @throws the `lora_...` codes
 */
export function readAdapters(model: ModelEntry, files: AdapterFiles, blobs: ReadonlyMap<string, Uint8Array>): Adapters {
  const loras = LORA_KINDS.map((kind) => {
    const entry = files[kind];
    return [kind, entry && readLora(blobs.get(entry.file.sha256)!, model.layers, `${entry.id} (${entry.file.sha256})`)] as const;
  });
  const layersOf = (component: Component, kind: LoraKind) => loras.find(([name]) => name === kind)?.[1]?.[component] ?? [];
  const pairOf = (component: Component) => ({ subject: layersOf(component, 'subject'), style: layersOf(component, 'style') });
  return { denoiser: pairOf('denoiser'), textEncoder: pairOf('textEncoder'), textEncoder2: pairOf('textEncoder2') };
}
