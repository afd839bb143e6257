/** How a measuring graph chooses, and the same choice told from its distances afterwards. */
import type { Branch, LoraPair } from './factors.ts';

/**
 * Ties go to the subject. The same branch twice must tie, but sums in another order differ in their last bits, so the subject also
 * wins where its distance is smaller by less than this, relative to the style's.
 */
const TIE = 1e-5;

/**
 * The input `fusion.table` [3, L], a column (a, b, c) for each of `modules`: the subject wins where a D_subject + b D_style + c >= 0. A layer that
 * only one LoRA has uses that one whatever rounding says of the other's distance of zero (`docs/method.md`, section 1).
 */
export function decisionTable(modules: readonly string[], pair: LoraPair, weights: readonly [number, number]): Float32Array {
  const [subject, style] = [pair.subject, pair.style].map((lora) => new Set(lora.map((layer) => layer.module)));
  const columns = modules.map((module) => {
    if (!style!.has(module)) return [0, 0, 1];
    return subject!.has(module) ? [weights[0], (TIE - 1) * weights[1], 0] : [0, 0, -1];
  });
  return Float32Array.from([0, 1, 2].flatMap((row) => columns.map((column) => column[row]!)));
}

/** The input `fusion.gates` [2, 2]: subject and style where the subject wins, then where the style wins; of the loser, the share that is still applied. */
export const gateTable = (loser: number): Float32Array => Float32Array.of(1, loser, loser, 1);

/** What the graph chose in each layer, or where a choice is finer, by the layer's means would have: from its table [3, L] and its output `fusion.distances` [L, 2]: the same float32 arithmetic. */
export function choices(table: Float32Array, distances: Float32Array): Branch[] {
  const layers = table.length / 3;
  return Array.from({ length: layers }, (_, row) => {
    const term = (k: 0 | 1) => Math.fround(table[k * layers + row]! * distances[2 * row + k]!);
    return Math.fround(term(0) + term(1)) + table[2 * layers + row]! >= 0 ? 'subject' : 'style';
  });
}
