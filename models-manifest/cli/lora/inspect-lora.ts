/** `diptych lora inspect`: everything that a LoRA file tells, also of one that cannot be fused. */
import { DiptychError } from '../../../shared/errors.ts';
import { sumOfSquares } from '../../../shared/fusion/delta-norms.ts';
import { type AdapterConfig, adapterConfigs } from '../../../shared/lora/adapter-config.ts';
import { adapterKind } from '../../../shared/lora/adapter-kind.ts';
import { COMPONENTS, type Component, type LoraLayer } from '../../../shared/lora/lora.ts';
import { namer } from '../../../shared/lora/names.ts';
import { type Pair, readPair } from '../../../shared/lora/read-pair.ts';
import { type BaseLayers, readLora } from '../../../shared/lora/read.ts';
import { refuseTensor } from '../../../shared/lora/refuse-tensor.ts';
import { readSafetensors, type SafeTensor } from '../../../shared/lora/safetensors.ts';
import type { LayerEntry } from '../../../shared/manifest.ts';
import { type Coverage, coverageOf } from './coverage.ts';
import { blockOf, componentOfStem, type FileComponent, layerType, type LayerType } from './layer-type.ts';
import { namingOf } from './naming.ts';
import { ownLayer, ownLayers } from './own-layers.ts';
import { frequentTags, type Tag, trainingFacts, type TrainingFact, triggerOf } from './training-facts.ts';

export interface LayerReport {
  component: FileComponent;
  /** The module path in the base, or the file's own name of the layer where no base tells it. */
  name: string;
  block: string;
  type: LayerType;
  /** The pair is whole, finite and of its layer's shape. */
  fits: boolean;
  /** These are `null` where the pair cannot be read even by itself. */
  rank: number | null;
  alpha: number | null;
  alphaFrom: 'tensor' | 'configuration' | 'rank' | null;
  /** The Frobenius norm of delta W = (alpha / rank) up down. */
  norm: number | null;
}

export interface LoraReport {
  file: string;
  bytes: number;
  tensors: number;
  kind: string;
  /** Why the file cannot be fused (into the base, where one was given); empty for one that can. */
  problems: { code: string; message: string }[];
  naming: string[];
  /** Tensors by data type. */
  dtypes: Record<string, number>;
  base: string | null;
  coverage: Coverage[];
  /** In the base's order, or in the file's. */
  layers: LayerReport[];
  /** The root of the sum of all squared norms. */
  norm: number;
  /** Tensors that belong to no layer, of the base or of their own. */
  unplaced: string[];
  trigger: string | null;
  tags: Tag[];
  training: TrainingFact[];
}

export interface InspectedBase {
  name: string;
  layers: BaseLayers;
}

const MOST_TAGS = 10;

/**
 * @param beside the text of an `adapter_config.json` that belongs to the file
 * @throws DiptychError only where the container itself is broken: `lora_truncated`, `lora_header_invalid`, `lora_dtype_unsupported`
 */
export function inspectLora(bytes: Uint8Array, file: string, base?: InspectedBase, beside?: string): LoraReport {
  const container = readSafetensors(bytes, file);
  const { tensors, metadata } = container;
  const reference = base?.layers ?? ownLayers(tensors);
  const { pairs, unplaced } = placedPairs(tensors, reference);
  const kind = adapterKind(tensors.keys());
  const problems = new Problems();
  const lora = problems.attempt(() => {
    if (!base && !kind && unplaced.length > 0) throw refuseTensor('lora_key_unknown', file, unplaced[0]!, 'is no part of a low-rank pair');
    return readLora(bytes, reference, file, beside);
  });
  const configs = problems.attempt(() => adapterConfigs(container, file, beside));
  const layers = pairs.map((placed) => {
    const { component, layer, pair } = placed;
    const known = lora?.[component].find(({ module }) => module === layer.module);
    const fitting = known ?? problems.attempt(() => readPair(layer, pair, configs?.[component], file));
    return layerReport(placed, configs?.[component], fitting, file);
  });
  return {
    file,
    bytes: bytes.length,
    tensors: tensors.size,
    kind: kind?.name ?? plainKind(pairs),
    problems: problems.list(),
    naming: namingOf(tensors.keys()),
    dtypes: countBy(Array.from(tensors.values(), ({ dtype }) => dtype)),
    base: base?.name ?? null,
    coverage: coverageOf(layers, base?.layers),
    layers,
    norm: Math.sqrt(layers.reduce((sum, { norm }) => sum + (norm ?? 0) ** 2, 0)),
    unplaced,
    trigger: triggerOf(metadata) ?? null,
    tags: frequentTags(metadata, MOST_TAGS),
    training: trainingFacts(metadata),
  };
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

  list(): LoraReport['problems'] {
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
    fits: fitting !== undefined,
    rank: read?.rank ?? null,
    alpha: read?.alpha ?? null,
    alphaFrom: read ? (pair.alpha ? 'tensor' : config?.alpha === undefined ? 'rank' : 'configuration') : null,
    norm: read ? Math.sqrt(sumOfSquares(read)) : null,
  };
}

/** LyCORIS calls a LoRA whose pairs reach convolutions LoCon. */
function plainKind(pairs: readonly PlacedPair[]): string {
  if (pairs.length === 0) return 'no LoRA';
  const spatial = pairs.some(({ layer }) => layer.kind === 'conv' && layer.kernel.some((size) => size > 1));
  return spatial ? 'LoCon (LoRA with convolutions)' : 'LoRA';
}

function countBy(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
