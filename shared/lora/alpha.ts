/** The alpha of a layer: of its `.alpha` tensor, else of the file's PEFT configuration, else the rank. */
import type { AdapterConfig } from './adapter-config.ts';
import { refuseTensor } from './refuse-tensor.ts';
import { type SafeTensor, toFloat32 } from './safetensors.ts';

/** A tensor of a file, and its name there. */
export interface Found {
  key: string;
  tensor: SafeTensor;
}

/**
 * The number in an `.alpha` tensor. 0 is legal: the layer changes nothing.
 *
 * @throws DiptychError `lora_shape_mismatch`, `lora_dtype_unsupported`
 */
export function alphaTensor(file: string, { key, tensor }: Found): number {
  if (tensor.shape.some((dim) => dim !== 1))
    throw refuseTensor('lora_shape_mismatch', file, key, `must be one number, not [${tensor.shape.join(', ')}]`);
  return scalar(file, key, tensor);
}

/** kohya's trainer keeps Python's own number where no alpha was set: torch makes an int64 of it, NumPy a float64. */
function scalar(file: string, key: string, tensor: SafeTensor): number {
  const { bytes } = tensor;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (tensor.dtype === 'I64') return Number(view.getBigInt64(0, true));
  if (tensor.dtype === 'F64') return view.getFloat64(0, true);
  return toFloat32(tensor, key, file)[0]!;
}

/**
 * The alpha for which alpha / rank is PEFT's scale: alpha / rank, or alpha / sqrt(rank) of rsLoRA (Kalajdzievski 2023, arXiv 2312.03732).
 *
 * @param names the layer's module path, and its name in the file
 * @throws DiptychError `lora_shape_mismatch` where the configuration says another rank than `down` has
 */
export function configuredAlpha(config: AdapterConfig, names: readonly string[], rank: number, file: string, down: string): number {
  const asked = config.rankPattern.match(names);
  const expected = asked?.value ?? config.rank;
  if (expected !== undefined && expected !== rank) {
    const field = asked ? `rank_pattern "${asked.key}"` : 'r';
    const reason = `has rank ${rank}, but ${field} of ${config.source} says ${expected}; the configuration is not of this file`;
    throw refuseTensor('lora_shape_mismatch', file, down, reason);
  }
  const alpha = config.alphaPattern.match(names)?.value ?? config.alpha ?? rank;
  return config.rankStabilised ? alpha * Math.sqrt(rank) : alpha;
}
