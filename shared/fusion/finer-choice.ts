/** A choice for parts of a layer: for each half of classifier-free guidance by itself, or for each position (an ablation of arXiv 2602.15539). */
import type { GraphBuilder } from '../onnx/builder.ts';
import { int } from '../onnx/ir.ts';
import { FUSION } from './interface.ts';

/** What a layer has measured of both changes. */
export interface MeasuredChange {
  /** How far each moves the feature, [2, ...] over the feature's axes without its channels, or without its positions. */
  measured: string;
  /** Both changes, [2, ...] over the feature's axes. */
  d: string;
  /** Axes of the feature, its axis of channels, and the layer's row in the tables. */
  rank: number;
  channels: number;
  row: number;
}

const INT64 = int(7);

/** The axes from `first` up to, not with, `end`. */
export const axesFrom = (first: number, end: number): number[] => Array.from({ length: end - first }, (_, k) => first + k);

/** Emits which LoRA wins, of sums over whatever shape, as indices of the same shape: 0 the subject, where the sum is not negative; 1 the style. */
export function emitWinner(builder: GraphBuilder, sums: string): string {
  const styleWins = builder.add('Less', 'style.wins', [sums, builder.floats([1], [0])]);
  return builder.add('Cast', 'winner', [styleWins], { to: INT64 });
}

/** Emits the change of the feature, over its axes. */
export function emitFinerChoice(
  builder: GraphBuilder,
  { measured, d, rank, channels, row }: MeasuredChange,
  scope: 'half' | 'position',
): string {
  const parts = scope === 'half' && rank > 2 ? builder.reduce('ReduceMean', 'parts', measured, axesFrom(2, rank), true) : measured;
  const weights = builder.add('Gather', 'weights', [FUSION.table, builder.int64s([row])], { axis: int(1) });
  const terms = (label: string, from: number, to: number, dims: number[]) => {
    const rows = builder.add('Slice', label, [weights, builder.int64s([from]), builder.int64s([to]), builder.int64s([0])]);
    return builder.add('Reshape', `${label}.shaped`, [rows, builder.int64s(dims)]);
  };
  const weighted = builder.add('Mul', 'weighted', [parts, terms('ab', 0, 2, [2, ...Array<number>(rank - 1).fill(1)])]);
  const sums = builder.add('Add', 'sums', [builder.reduce('ReduceSum', 'sum', weighted, [0], false), terms('c', 2, 3, [1])]);
  const gates = builder.add('Gather', 'gates', [FUSION.gates, emitWinner(builder, sums)], { axis: int(1) });
  const applied = builder.add('Mul', 'd.gated', [builder.unsqueeze('gates.shaped', gates, [channels + 1]), d]);
  return builder.reduce('ReduceSum', 'd.sum', applied, [0], false);
}
