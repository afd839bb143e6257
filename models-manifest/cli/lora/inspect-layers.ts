/** The layers of a LoRA file, each read by itself: one that is broken does not hide the others. */
import { DiptychError } from '../../../shared/errors.ts';
import { sumOfSquares } from '../../../shared/fusion/delta-norms.ts';
import { type AdapterConfig, adapterConfigs } from '../../../shared/lora/adapter-config.ts';
import { adapterKind } from '../../../shared/lora/adapter-kind.ts';
import { COMPONENTS, type Component, type LoraLayer } from '../../../shared/lora/lora.ts';
import { namer } from '../../../shared/lora/names.ts';
import { type Pair, readPair } from '../../../shared/lora/read-pair.ts';
import { type BaseLayers, readLora } from '../../../shared/lora/read.ts';
import { refuseTensor } from '../../../shared/lora/refuse-tensor.ts';
import type { SafetensorsFile, SafeTensor } from '../../../shared/lora/safetensors.ts';
import type { LayerEntry } from '../../../shared/manifest.ts';
import { blockOf, componentOfStem, type FileComponent, layerType, type LayerType } from './layer-type.ts';
import { ownLayer, ownLayers } from './own-layers.ts';

export interface LayerReport {
  component: FileComponent;
  /** The module path in the base, or the file's own name of the layer where no base tells it. */
  name: string;
  block: string;
  type: LayerType;
  /** A convolution with a kernel larger than 1x1. */
  spatial: boolean;
  /** The pair is whole, finite and of its layer's shape. */
  fits: boolean;
  /** These are `null` where the pair cannot be read even by itself. */
  rank: number | null;
  alpha: number | null;
  alphaFrom: 'tensor' | 'configuration' | 'rank' | null;
  /** The Frobenius norm of delta W = (alpha / rank) up down. */
  norm: number | null;
}

/** One reason why a file cannot be fused. */
export interface Problem {
  code: string;
  message: string;
}

/** Against `base` or, without one, against the layers that the file itself names. */
export function inspectLayers(bytes: Uint8Array, container: SafetensorsFile, file: string, base?: BaseLayers, beside?: string) {
  const { tensors } = container;
  const reference = base ?? ownLayers(tensors);
  const { pairs, unplaced } = placedPairs(tensors, reference);
  const refused = adapterKind(tensors.keys()) !== undefined;
  const problems = new Problems();
  const lora = problems.attempt(() => {
    if (!base && !refused && unplaced.length > 0)
      throw refuseTensor('lora_key_unknown', file, unplaced[0]!, 'is no part of a low-rank pair');
    return readLora(bytes, reference, file, beside);
  });
  const configs = problems.attempt(() => adapterConfigs(container, file, beside));
  const layers = pairs.map((placed) => {
    const { component, layer, pair } = placed;
    const known = lora?.[component].find(({ module }) => module === layer.module);
    // Where the whole is refused for its kind, halves that are missing say nothing more.
    const fitting = known ?? (refused ? new Problems() : problems).attempt(() => readPair(layer, pair, configs?.[component], file));
    return layerReport(placed, configs?.[component], fitting, file);
  });
  return { layers, unplaced: refused ? [] : unplaced, problems: problems.list() };
}

/** What was refused, each reason once, while the rest goes on. */
class Problems {
  readonly #found = new Map<string, DiptychError>();

  attempt<T>(action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof DiptychError)) throw error;
      this.#found.set(error.message, error);
      return undefined;
    }
  }

  list(): Problem[] {
    return Array.from(this.#found.values(), ({ code, message }) => ({ code, message }));
  }
}

interface PlacedPair {
  component: Component;
  layer: LayerEntry;
  pair: Pair;
}

function placedPairs(tensors: ReadonlyMap<string, SafeTensor>, reference: BaseLayers): { pairs: PlacedPair[]; unplaced: string[] } {
  const placeOf = namer(reference);
  const byModule = { denoiser: new Map<string, Pair>(), textEncoder: new Map<string, Pair>(), textEncoder2: new Map<string, Pair>() };
  const unplaced: string[] = [];
  for (const [key, tensor] of tensors) {
    const [place, ...others] = placeOf(key);
    if (!place || others.length > 0) unplaced.push(key);
    else byModule[place.component].set(place.module, { ...byModule[place.component].get(place.module), [place.part]: { key, tensor } });
  }
  const pairs = COMPONENTS.flatMap((component) =>
    (reference[component] ?? []).flatMap((layer) => {
      const pair = byModule[component].get(layer.module);
      return pair ? [{ component, layer, pair }] : [];
    }),
  );
  return { pairs, unplaced };
}

function layerReport(
  { component, layer, pair }: PlacedPair,
  config: AdapterConfig | undefined,
  fitting: LoraLayer | undefined,
  file: string,
): LayerReport {
  // A pair of another base's shape still has its norm.
  const read = fitting ?? new Problems().attempt(() => readPair(ownLayer(layer.module, pair), pair, config, file));
  const stemComponent = componentOfStem(layer.module);
  return {
    component: stemComponent === 'textEncoder3' ? stemComponent : component,
    name: layer.module,
    block: blockOf(layer.module),
    type: layerType(layer.module, layer.kind),
    spatial: layer.kind === 'conv' && layer.kernel.some((size) => size > 1),
    fits: fitting !== undefined,
    rank: read?.rank ?? null,
    alpha: read?.alpha ?? null,
    alphaFrom: read ? (pair.alpha ? 'tensor' : config?.alpha === undefined ? 'rank' : 'configuration') : null,
    norm: read ? Math.sqrt(sumOfSquares(read)) : null,
  };
}
