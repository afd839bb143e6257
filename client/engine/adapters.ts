import { type BlobRef, LORA_KINDS, type LoraEntry, type LoraKind, type ModelEntry } from '../../shared/manifest.ts';
import { readLora } from '../../shared/lora/read.ts';
import type { Adapters } from './pipeline.ts';

/** The LoRAs of a request. */
export type AdapterFiles = Record<LoraKind, LoraEntry | undefined>;

export function adapterRefs(files: AdapterFiles): BlobRef[] {
  return LORA_KINDS.flatMap((kind) => files[kind]?.file ?? []);
}

/**
 * Reads the LoRAs of a request against the layers of its model.
 *
 * @throws the `lora_...` codes
 */
export function readAdapters(model: ModelEntry, files: AdapterFiles, blobs: ReadonlyMap<string, Uint8Array>): Adapters {
  const adapters: Adapters = { textEncoder: {}, denoiser: {} };
  for (const kind of LORA_KINDS) {
    const entry = files[kind];
    if (!entry) continue;
    const lora = readLora(blobs.get(entry.file.sha256)!, model.layers, `${entry.id} (${entry.file.sha256})`);
    adapters.denoiser[kind] = { key: entry.file.sha256, layers: lora.denoiser };
    adapters.textEncoder[kind] = { key: entry.file.sha256, layers: lora.textEncoder };
  }
  return adapters;
}
