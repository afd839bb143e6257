/** The tensors of one layer, checked against the layer. */
import type { LayerEntry } from '../manifest.ts';
import type { AdapterConfig } from './adapter-config.ts';
import { alphaTensor, configuredAlpha, type Found } from './alpha.ts';
import type { LoraLayer } from './lora.ts';
import { refuseTensor } from './refuse-tensor.ts';
import { toFloat32 } from './safetensors.ts';
import { tensorName } from './tensor-name.ts';

export type Pair = { down?: Found; up?: Found; alpha?: Found };

/**
 * @throws DiptychError `lora_pair_incomplete`, `lora_shape_mismatch`, `lora_rank_too_large`, `lora_not_finite`, `lora_dtype_unsupported`,
 * each naming file and key
 */
export function readPair(layer: LayerEntry, { down, up, alpha }: Pair, config: AdapterConfig | undefined, file: string): LoraLayer {
  if (!down || !up) {
    const missing = down ? 'up' : up ? 'down' : 'down and up';
    throw refuseTensor(
      'lora_pair_incomplete',
      file,
      (down ?? up ?? alpha!).key,
      `has no ${missing} matrix beside it for layer ${layer.module}`,
    );
  }
  const rank = down.tensor.shape[0] ?? 0;
  const kernel = layer.kind === 'conv' ? layer.kernel : [1, 1];
  expectShape(file, down, [rank, layer.in, ...kernel], layer.module);
  expectShape(file, up, [layer.out, rank, 1, 1], layer.module);
  const most = Math.min(layer.out, layer.in * kernel[0]! * kernel[1]!);
  if (rank < 1 || rank > most) {
    const reason = `has rank ${rank}; layer ${layer.module} (${layer.in} to ${layer.out}) takes 1 to ${most}`;
    throw refuseTensor('lora_rank_too_large', file, down.key, reason);
  }
  // Asked for even where a tensor decides: a configuration that says another rank is of another file.
  const configured = config && configuredAlpha(config, [layer.module, tensorName(down.key)!.stem], rank, file, down.key);
  const effective = alpha ? alphaTensor(file, alpha) : (configured ?? rank);
  // The catalogue keeps it in single precision.
  if (!Number.isFinite(Math.fround(effective)))
    throw refuseTensor(
      'lora_not_finite',
      file,
      (alpha ?? down).key,
      `has alpha ${effective}; the file is damaged or its training diverged`,
    );
  return {
    module: layer.module,
    kind: layer.kind,
    rank,
    alpha: effective,
    down: finite(file, down),
    downShape: layer.kind === 'conv' ? [rank, layer.in, ...layer.kernel] : [rank, layer.in],
    up: finite(file, up),
  };
}

/** Trailing dims of 1 may be left out or added: trainers store a 1x1 Conv as a matrix and a Linear as a 1x1 Conv. */
function expectShape(file: string, { key, tensor }: Found, expected: number[], module: string): void {
  const trim = (shape: readonly number[]) =>
    (shape.length === 4 && shape[2] === 1 && shape[3] === 1 ? shape.slice(0, 2) : shape).join(', ');
  if (trim(tensor.shape) === trim(expected)) return;
  throw refuseTensor('lora_shape_mismatch', file, key, `is [${tensor.shape.join(', ')}] but layer ${module} takes [${trim(expected)}]`);
}

function finite(file: string, { key, tensor }: Found): Float32Array {
  const values = toFloat32(tensor, key, file);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw refuseTensor(
      'lora_not_finite',
      file,
      key,
      `holds ${values[bad]} at element ${bad}; the file is damaged or its training diverged`,
    );
  return values;
}
