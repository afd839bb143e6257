/**
 * One layer that measures both LoRAs and applies the one that changes its feature more (arXiv 2602.15539, section 3.2;
 * `docs/method.md`, section 1):
 *
 *     y = y0 + d_subject   if a D_subject + b D_style + c >= 0   else   y0 + d_style
 */
import type { GraphBuilder } from '../onnx/builder.ts';
import { int } from '../onnx/ir.ts';
import { byPosition, emitBranch, FLOAT16, FLOAT32 } from './branch.ts';
import type { Criterion } from './criteria/criterion.ts';
import { FUSION } from './interface.ts';
import type { Site } from './sites.ts';

/** Where a layer stands: its row in the tables, the shape of y0, its name, and the value that the rest of the graph reads. */
export interface LayerPlace {
  row: number;
  dims: readonly number[];
  base: string;
  output: string;
}

/** Emits the layer. Returns the name of its distances [2]. */
export function emitMeasured(builder: GraphBuilder, site: Site, place: LayerPlace, criterion: Criterion): string {
  const { row, dims, base, output } = place;
  const d = emitBranch(builder, site);
  const y0 = site.float16 ? builder.add('Cast', 'y0', [base], { to: FLOAT32 }) : base;
  const conv = site.layer.kind === 'conv';
  const distances = criterion(builder, {
    y0: conv ? byPosition(builder, 'y0.positions', y0) : y0,
    d,
    rank: conv ? 3 : dims.length,
    channels: conv ? 1 : dims.length - 1,
  });
  const gates = emitGates(builder, distances, row);
  const flat = builder.add('Reshape', 'd.flat', [d, builder.int64s([2, -1])]);
  const chosen = builder.add('Reshape', 'chosen', [builder.add('MatMul', 'chosen.flat', [gates, flat]), builder.int64s(dims)]);
  if (site.float16) builder.add('Cast', 'y', [builder.add('Add', 'y32', [y0, chosen])], { to: FLOAT16 }, output);
  else builder.add('Add', 'y', [y0, chosen], {}, output);
  return distances;
}

/** [1, 2]: (1, 0) where the subject wins by the layer's row of the table, else (0, 1). */
function emitGates(builder: GraphBuilder, distances: string, row: number): string {
  const one = builder.floats([1], [1]);
  const terms = builder.add('Concat', 'terms', [distances, one], { axis: int(0) });
  const weights = builder.add('Gather', 'row', [FUSION.table, builder.int64s([row])], { axis: int(0) });
  const sum = builder.reduce('ReduceSum', 'sum', builder.add('Mul', 'weighted', [weights, terms]), [1], true);
  const wins = builder.add('GreaterOrEqual', 'subject.wins', [sum, builder.floats([1], [0])]);
  return builder.add('Where', 'gates', [wins, builder.floats([1, 2], [1, 0]), builder.floats([1, 2], [0, 1])]);
}
