/** `diptych lora inspect`: everything that a LoRA file tells, also of one that cannot be fused. */
import { adapterKind } from '../../../shared/lora/adapter-kind.ts';
import type { BaseLayers } from '../../../shared/lora/read.ts';
import { readSafetensors } from '../../../shared/lora/safetensors.ts';
import { type Coverage, coverageOf } from './coverage.ts';
import { inspectLayers, type LayerReport, type Problem } from './inspect-layers.ts';
import { namingOf } from './naming.ts';
import { frequentTags, type Tag, trainingFacts, type TrainingFact, triggerOf } from './training-facts.ts';

export interface LoraReport {
  file: string;
  bytes: number;
  tensors: number;
  kind: string;
  /** Why the file cannot be fused (into the base, where one was given); empty for one that can. */
  problems: Problem[];
  naming: string[];
  /** Tensors by data type. */
  dtypes: Record<string, number>;
  base: string | null;
  /** Of an adapter of a refused kind, the layers that it names; else those that it fits. */
  coverage: Coverage[];
  /** In the base's order, or in the file's. */
  layers: LayerReport[];
  /** The root of the sum of all squared norms. */
  norm: number;
  /** Tensors that belong to no layer, of the base or of their own; not looked for among adapters of a refused kind. */
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
  const variant = adapterKind(tensors.keys())?.name;
  const { layers, unplaced, problems } = inspectLayers(bytes, container, file, base?.layers, beside);
  return {
    file,
    bytes: bytes.length,
    tensors: tensors.size,
    kind: variant ?? plainKind(layers),
    problems,
    naming: namingOf(tensors.keys()),
    dtypes: countBy(Array.from(tensors.values(), ({ dtype }) => dtype)),
    base: base?.name ?? null,
    coverage: coverageOf(variant === undefined ? layers.filter(({ fits }) => fits) : layers, base?.layers),
    layers,
    norm: Math.sqrt(layers.reduce((sum, { norm }) => sum + (norm ?? 0) ** 2, 0)),
    unplaced,
    trigger: triggerOf(metadata) ?? null,
    tags: frequentTags(metadata, MOST_TAGS),
    training: trainingFacts(metadata),
  };
}

/** LyCORIS calls a LoRA whose pairs reach convolutions LoCon. */
function plainKind(layers: readonly LayerReport[]): string {
  if (layers.length === 0) return 'no LoRA';
  return layers.some(({ spatial }) => spatial) ? 'LoCon (LoRA with convolutions)' : 'LoRA';
}

function countBy(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
