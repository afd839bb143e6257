/** The names by which a fused graph is fed and read. */

/** Inputs and outputs that the rewrite adds, beside the factors. L: fused layers, in graph order. */
export const FUSION = {
  /** [3, L] float32 input of a measuring graph: rows a, b, c, the subject wins where a D_subject + b D_style + c >= 0. */
  table: 'fusion.table',
  /** [2, 2] float32 input of a measuring graph, symmetric: what is applied of the LoRA that wins on the diagonal, of the one that loses beside it. */
  gates: 'fusion.gates',
  /** [L, 2] float32 output of a measuring graph: D_subject and D_style. */
  distances: 'fusion.distances',
  /** [] bool input of a graph that can do both: true measures and chooses, false applies the factors as they are fed. Lives on the CPU. */
  measure: 'fusion.measure',
} as const;

/** The graph input that takes a factor of one layer; `factors.ts` says what is fed. */
export function factorInput(module: string, factor: 'down' | 'up'): string {
  return `lora.${module}.${factor}`;
}
