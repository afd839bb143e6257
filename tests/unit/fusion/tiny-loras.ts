import type { LoraPair } from '../../../shared/fusion/factors.ts';
import type { LoraLayer } from '../../../shared/lora/lora.ts';
import { type Matrix, matrix, patches, timesTransposed } from './reference.ts';
import { numbers, SIZES } from './tiny-graph.ts';

/** The layers of `tinyModel`, in graph order. */
export const MODULES = ['block.0.to_q', 'proj', 'conv1'];

const SHAPES = [
  { module: MODULES[0]!, kind: 'linear' as const, in: 6, out: 7 },
  { module: MODULES[1]!, kind: 'linear' as const, in: 6, out: 9 },
  { module: MODULES[2]!, kind: 'conv' as const, in: 4 * 9, out: 5 },
];

/** The tiny model's inputs, by name. */
export const IMAGES = Object.fromEntries(
  Object.entries(SIZES).map(([name, dims], i) => [
    name,
    numbers(
      20 + i,
      dims.reduce((a, b) => a * b),
    ),
  ]),
);

/** A LoRA over the three layers; layers of rank 0 are left out of it. */
export function lora(seed: number, ranks: readonly [number, number, number], alpha = 3): LoraLayer[] {
  return SHAPES.flatMap((shape, i) => {
    const rank = ranks[i]!;
    if (rank === 0) return [];
    const factors = { down: numbers(seed + i, rank * shape.in), up: numbers(seed + 10 + i, shape.out * rank) };
    return [{ module: shape.module, kind: shape.kind, rank, alpha, downShape: [rank, shape.in], ...factors }];
  });
}

export const pairOf = (subject: LoraLayer[], style: LoraLayer[], strengths: readonly [number, number] = [1, 1]): LoraPair => ({
  subject,
  style,
  strengths,
});

/** alpha / rank up down of one layer, [out][in]; zeros where the LoRA lacks it. */
export function denseDelta(layers: readonly LoraLayer[], index: number): Matrix {
  const { out, in: inner, module } = SHAPES[index]!;
  const found = layers.find((layer) => layer.module === module);
  if (!found) return Array.from({ length: out }, () => Array<number>(inner).fill(0));
  const { rank, alpha, down, up } = found;
  return Array.from({ length: out }, (_, o) =>
    Array.from({ length: inner }, (__, i) => {
      let sum = 0;
      for (let r = 0; r < rank; r++) sum += up[o * rank + r]! * down[r * inner + i]!;
      return (sum * alpha) / rank;
    }),
  );
}

/** dW x of one layer of the tiny model, [positions][out]. */
export function applied(dense: Matrix, index: number): Matrix {
  const x = [matrix(IMAGES.tokens!, 6), matrix(IMAGES.rows!, 6), patches(IMAGES.image!, SIZES.image, 3, 2, 1)][index]!;
  return timesTransposed(x, dense);
}
