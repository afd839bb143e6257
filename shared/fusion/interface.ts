/** The names by which a fused graph is fed and read. */
import type { LoraKind } from '../manifest.ts';

/** Float32 inputs and outputs that the rewrite adds, beside the factors. L: fused layers, in graph order. */
export const FUSION = {
  /** [2]: strength of subject and style; multiplies alpha / rank. */
  strengths: 'fusion.strengths',
  /** [L, 1]: 1, the layer's KLs choose; 0, its row of `gates` applies as given. */
  select: 'fusion.select',
  /** [L, 2]: weight of each branch, read where `select` is 0. */
  gates: 'fusion.gates',
  /** [L, 2], output: D_subject and D_style. */
  kl: 'fusion.kl',
  /** [L, 2], output: the gates that were applied. */
  choice: 'fusion.choice',
} as const;

/** The input that takes one factor of one layer: Linear down [in, rank], up [rank, out]; Conv down [rank, in, kh, kw], up [out, rank, 1, 1]. */
export function factorInput(kind: LoraKind, module: string, factor: 'down' | 'up'): string {
  return `lora.${kind}.${module}.${factor}`;
}
