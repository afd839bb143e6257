/** A LoRA file against a base: every tensor finds its layer and fits, or the file is refused. */
import { DiptychError, type ErrorCode } from '../errors.ts';
import type { LayerEntry } from '../manifest.ts';
import { COMPONENTS, type Component, type Lora, type LoraLayer } from './lora.ts';
import { namer, type Place, variantOf } from './names.ts';
import { readSafetensors, type SafeTensor, toFloat32 } from './safetensors.ts';

/** The layers of the base, by component; a component that it does not have is left out. */
export type BaseLayers = { readonly [component in Component]?: readonly LayerEntry[] | undefined };

interface Found {
  key: string;
  tensor: SafeTensor;
}

type Parts = { down?: Found; up?: Found; alpha?: Found };

/**
 * Reads kohya, PEFT, diffusers and attention-processor names, in float32, float16 or bfloat16. The layers come in the base's order.
 *
 * @throws DiptychError `lora_truncated`, `lora_header_invalid`, `lora_dtype_unsupported` from the container; `lora_variant_unsupported`,
 * `lora_key_unknown`, `lora_pair_incomplete`, `lora_shape_mismatch`, `lora_rank_too_large`, `lora_not_finite`, each naming file and key
 */
export function readLora(bytes: Uint8Array, base: BaseLayers, file: string): Lora {
  const { tensors, metadata } = readSafetensors(bytes, file);
  if (tensors.size === 0) throw new DiptychError('lora_header_invalid', `${file} holds no tensor`, { file });
  const placeOf = namer(base);
  const parts = sortByLayer(tensors, placeOf, file);
  const lora: Lora = { denoiser: [], textEncoder: [], textEncoder2: [], metadata };
  for (const component of COMPONENTS) {
    for (const layer of base[component] ?? []) {
      const found = parts[component].get(layer.module);
      if (found) lora[component].push(readLayer(layer, found, file));
    }
  }
  return lora;
}

function sortByLayer(
  tensors: ReadonlyMap<string, SafeTensor>,
  placeOf: (key: string) => Place[],
  file: string,
): Record<Component, Map<string, Parts>> {
  const parts = { denoiser: new Map<string, Parts>(), textEncoder: new Map<string, Parts>(), textEncoder2: new Map<string, Parts>() };
  for (const [key, tensor] of tensors) {
    const [place, ...others] = placeOf(key);
    if (!place) throw unknownKey(key, file);
    if (others.length > 0) {
      const candidates = [place, ...others].map(({ component, module }) => `${component} ${module}`).join(' or ');
      throw refusal(
        'lora_key_unknown',
        file,
        key,
        `could belong to ${candidates}; save it under the names of diffusers, which tell them apart`,
      );
    }
    const layer = parts[place.component].get(place.module) ?? {};
    const twin = layer[place.part];
    if (twin) throw refusal('lora_header_invalid', file, key, `is the ${place.part} of ${place.module}, but so is ${twin.key}; remove one`);
    parts[place.component].set(place.module, { ...layer, [place.part]: { key, tensor } });
  }
  return parts;
}

function refusal(code: ErrorCode, file: string, key: string, reason: string): DiptychError {
  return new DiptychError(code, `${file}: tensor ${key} ${reason}`, { file, key });
}

function unknownKey(key: string, file: string): DiptychError {
  const variant = variantOf(key);
  if (variant !== undefined)
    return refusal('lora_variant_unsupported', file, key, `belongs to ${variant}; only plain LoRA (a low-rank pair a layer) can be fused`);
  return refusal('lora_key_unknown', file, key, 'belongs to no layer of this base; was it trained for another model?');
}

function readLayer(layer: LayerEntry, { down, up, alpha }: Parts, file: string): LoraLayer {
  const only = down ?? up ?? alpha!;
  if (!down || !up) {
    const missing = down ? 'up' : up ? 'down' : 'down and up';
    throw refusal('lora_pair_incomplete', file, only.key, `has no ${missing} matrix beside it for layer ${layer.module}`);
  }
  const rank = down.tensor.shape[0] ?? 0;
  const kernel = layer.kind === 'conv' ? layer.kernel : [1, 1];
  expectShape(file, down, [rank, layer.in, ...kernel], layer.module);
  expectShape(file, up, [layer.out, rank, 1, 1], layer.module);
  const most = Math.min(layer.out, layer.in * kernel[0]! * kernel[1]!);
  if (rank < 1 || rank > most) {
    throw refusal(
      'lora_rank_too_large',
      file,
      down.key,
      `has rank ${rank}; layer ${layer.module} (${layer.in} to ${layer.out}) takes 1 to ${most}`,
    );
  }
  return {
    module: layer.module,
    kind: layer.kind,
    rank,
    alpha: alpha ? readAlpha(file, alpha) : rank,
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
  throw refusal('lora_shape_mismatch', file, key, `is [${tensor.shape.join(', ')}] but layer ${module} takes [${trim(expected)}]`);
}

function readAlpha(file: string, { key, tensor }: Found): number {
  if (tensor.shape.some((dim) => dim !== 1))
    throw refusal('lora_shape_mismatch', file, key, `must be one number, not [${tensor.shape.join(', ')}]`);
  const { buffer, byteOffset } = tensor.bytes;
  // kohya's trainer keeps Python's own number where no alpha was set: torch makes an int64 of it.
  if (tensor.dtype === 'I64') return Number(new DataView(buffer, byteOffset).getBigInt64(0, true));
  return finite(file, { key, tensor })[0]!;
}

function finite(file: string, { key, tensor }: Found): Float32Array {
  const values = toFloat32(tensor, key, file);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw refusal('lora_not_finite', file, key, `holds ${values[bad]} at element ${bad}; the file is damaged or its training diverged`);
  return values;
}
