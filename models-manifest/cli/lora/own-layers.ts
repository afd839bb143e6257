/** The layers that a file itself speaks of, by its own names and shapes: what it is inspected against where no base is given. */
import type { Pair } from '../../../shared/lora/read-pair.ts';
import type { BaseLayers } from '../../../shared/lora/read.ts';
import type { SafeTensor } from '../../../shared/lora/safetensors.ts';
import { tensorName } from '../../../shared/lora/tensor-name.ts';
import type { LayerEntry } from '../../../shared/manifest.ts';
import { componentOfStem } from './layer-type.ts';

export function ownLayers(tensors: ReadonlyMap<string, SafeTensor>): BaseLayers {
  const pairs = new Map<string, Pair>();
  for (const [key, tensor] of tensors) {
    const name = tensorName(key);
    if (name) pairs.set(name.stem, { ...pairs.get(name.stem), [name.part]: { key, tensor } });
  }
  const entries = Array.from(pairs, ([stem, pair]) => ownLayer(stem, pair));
  const of = (...components: string[]) => entries.filter(({ module }) => components.includes(componentOfStem(module)));
  return { denoiser: of('denoiser', 'textEncoder3'), textEncoder: of('textEncoder'), textEncoder2: of('textEncoder2') };
}

/** The layer that a pair fits. Where a half is missing its size is not known; the pair is then refused for that. */
export function ownLayer(module: string, { down, up }: Pair): LayerEntry {
  const [, channels = 1, height, width] = down?.tensor.shape ?? [];
  const size = { module, in: channels, out: up?.tensor.shape[0] ?? 1 };
  return height === undefined || width === undefined ? { kind: 'linear', ...size } : { kind: 'conv', ...size, kernel: [height, width] };
}
