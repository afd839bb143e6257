/** What a fused layer is fed: the factors of one LoRA, of both as one, or of both side by side. */
import type { LoraLayer } from '../lora/lora.ts';
import type { FusedLayer } from './fuse.ts';

/** The LoRAs of one graph. A layer that one of them does not have is not in its list. */
export interface LoraPair {
  subject: readonly LoraLayer[];
  style: readonly LoraLayer[];
  /** Multiply alpha / rank. */
  strengths: readonly [subject: number, style: number];
}

/** Which LoRAs act in a layer of an applying graph. */
export const BRANCHES = ['subject', 'style', 'both', 'neither'] as const;
export type Branch = (typeof BRANCHES)[number];

/** `pair`: the input of a measuring graph, where the two stay apart. */
export type Slot = Branch | 'pair';

interface Tensor {
  dims: number[];
  data: Float32Array;
}

/**
 * The factors of one layer, float32, row-major, with strength * alpha / rank folded into `up`. R is the sum of the ranks.
 *
 * - Linear: `down` [in, R]; `up` [R, out], or for a `pair` [2, 1..., R, out] (one axis more than the layer's output).
 * - Conv: `down` [R, in, kh, kw]; `up` [out, R], or for a `pair` [2, 1, out, R].
 *
 * The two ups of a pair have zeros where the other's rows are. A layer without any LoRA is fed as one column of zeros, which is the same
 * function as rank 0: on an empty tensor onnxruntime's native WebGPU MatMul crashes and its wasm Conv leaves NaN (1.29.0).
 *
 * @param loser how much of a LoRA is applied beside the one that `slot` names alone, 0 to 1
 */
export function layerFactors(
  layer: FusedLayer,
  slot: Slot,
  loras: readonly (LoraLayer | undefined)[],
  strengths: readonly number[],
  loser: number,
): { down: Tensor; up: Tensor } {
  const present = loras.flatMap((lora, k) => {
    const share = shareOf(slot, k, loser);
    return lora && share !== 0 ? [{ lora, k, scale: (share * strengths[k]! * lora.alpha) / lora.rank }] : [];
  });
  const total = Math.max(
    1,
    present.reduce((sum, { lora }) => sum + lora.rank, 0),
  );
  const inner = layer.kind === 'conv' ? layer.in * layer.kernel[0] * layer.kernel[1] : layer.in;
  const copies = slot === 'pair' ? 2 : 1;
  const down = new Float32Array(total * inner);
  const up = new Float32Array(copies * total * layer.out);
  let first = 0;
  for (const { lora, k, scale } of present) {
    const copy = slot === 'pair' ? k * total * layer.out : 0;
    for (let r = 0; r < lora.rank; r++) {
      const row = first + r;
      if (layer.kind === 'conv') down.set(lora.down.subarray(r * inner, (r + 1) * inner), row * inner);
      else for (let i = 0; i < inner; i++) down[i * total + row] = lora.down[r * inner + i]!;
      for (let o = 0; o < layer.out; o++) {
        const at = layer.kind === 'conv' ? o * total + row : row * layer.out + o;
        up[copy + at] = lora.up[o * lora.rank + r]! * scale;
      }
    }
    first += lora.rank;
  }
  const leading = slot === 'pair' ? [2, ...Array<number>(layer.kind === 'conv' ? 1 : Math.max(0, layer.rank - 2)).fill(1)] : [];
  return layer.kind === 'conv'
    ? { down: { dims: [total, layer.in, ...layer.kernel], data: down }, up: { dims: [...leading, layer.out, total], data: up } }
    : { down: { dims: [layer.in, total], data: down }, up: { dims: [...leading, total, layer.out], data: up } };
}

function shareOf(slot: Slot, lora: number, loser: number): number {
  if (slot === 'both' || slot === 'pair') return 1;
  if (slot === 'neither') return 0;
  return slot === (lora === 0 ? 'subject' : 'style') ? 1 : loser;
}
