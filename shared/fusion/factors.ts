import type { LoraLayer } from '../lora/lora.ts';
import type { LayerEntry, LoraKind } from '../manifest.ts';
import { factorInput } from './interface.ts';

/** One graph input: float32, row-major. */
export interface Feed {
  name: string;
  dims: number[];
  data: Float32Array;
}

/**
 * The factors of one LoRA as a graph fused over `layers` takes them: alpha / rank folded into `up`, a Linear's matrices transposed
 * so that the graph multiplies from the right. A layer that the LoRA does not have (rank 0) is fed as one column of zeros, which is
 * the same function: on an empty tensor onnxruntime's native WebGPU MatMul crashes and its wasm Conv leaves NaN (1.29.0).
 */
export function factorFeeds(kind: LoraKind, layers: readonly LayerEntry[], lora: readonly LoraLayer[]): Feed[] {
  const byModule = new Map(lora.map((layer) => [layer.module, layer]));
  return layers.flatMap((layer) => {
    const { rank, alpha, down, up: unscaled } = byModule.get(layer.module) ?? absent(layer);
    const up = unscaled.map((value) => (value * alpha) / rank);
    const feeds =
      layer.kind === 'linear'
        ? {
            down: { dims: [layer.in, rank], data: transposed(down, rank, layer.in) },
            up: { dims: [rank, layer.out], data: transposed(up, layer.out, rank) },
          }
        : { down: { dims: [rank, layer.in, ...layer.kernel], data: down }, up: { dims: [layer.out, rank, 1, 1], data: up } };
    return (['down', 'up'] as const).map((factor) => ({ name: factorInput(kind, layer.module, factor), ...feeds[factor] }));
  });
}

function absent(layer: LayerEntry): Pick<LoraLayer, 'rank' | 'alpha' | 'down' | 'up'> {
  const kernel = layer.kind === 'conv' ? layer.kernel[0] * layer.kernel[1] : 1;
  return { rank: 1, alpha: 1, down: new Float32Array(layer.in * kernel), up: new Float32Array(layer.out) };
}

/** A [rows, columns] matrix as [columns, rows]. */
function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = values[r * columns + c]!;
  return out;
}
