/**
 * One layer that measures both LoRAs and applies the one that changes its feature more (arXiv 2602.15539, section 3.2;
 * `docs/method.md`, section 1):
 *
 *     y = y0 + d_subject + loser d_style   if a D_subject + b D_style + c >= 0   else   y0 + d_style + loser d_subject
 */
import type { GraphBuilder } from '../onnx/builder.ts';
import { int } from '../onnx/ir.ts';
import type { Measuring } from '../rules.ts';
import { byPosition, emitDown, emitUp, FLOAT16, FLOAT32 } from './branch.ts';
import type { Criterion } from './criteria/criterion.ts';
import { axesFrom, emitFinerChoice, emitWinner } from './finer-choice.ts';
import { factorInput, FUSION } from './interface.ts';
import type { Site } from './sites.ts';

/** Where a layer stands: its row in the tables, the shape of y0, its name, and the value that the rest of the graph reads. */
export interface LayerPlace {
  row: number;
  dims: readonly number[];
  base: string;
  output: string;
}

/** How a layer measures: by what, what decides together, and at every so many-th position only (1: at all, which is the exact rule). */
export interface Measurement extends Pick<Measuring, 'scope' | 'stride'> {
  criterion: Criterion;
}

/** Fewer positions than this are all measured, whatever the stride: an estimate from a handful would be chance. */
const LEAST_SAMPLE = 16;

/** Emits the layer. Returns the name of its mean distances [2]. */
export function emitMeasured(builder: GraphBuilder, site: Site, place: LayerPlace, { criterion, scope, stride }: Measurement): string {
  const { row, dims, base, output } = place;
  const conv = site.layer.kind === 'conv';
  const y0 = site.float16 ? builder.add('Cast', 'y0', [base], { to: FLOAT32 }) : base;
  const features = conv ? byPosition(builder, 'y0.positions', y0) : y0;
  const h = emitDown(builder, site);
  const rank = conv ? 3 : dims.length;
  const channels = conv ? 1 : rank - 1;
  const positions = conv ? 2 : rank > 2 ? rank - 2 : channels;
  const step = (conv ? dims[2]! * dims[3]! : dims.at(-2)!) >= stride * LEAST_SAMPLE ? stride : 1;
  const sampled = (label: string, value: string) => (step === 1 ? value : everyNth(builder, label, value, conv ? 2 : rank - 2, step));
  const d = emitUp(builder, site, 'd', sampled('h.sampled', h));
  const measured = criterion(builder, { y0: sampled('y0.sampled', features), d, channels, positions });
  const distances = builder.reduce('ReduceMean', 'mean', measured, axesFrom(1, rank), false);
  let change: string;
  if (scope !== 'layer') {
    // Of sampled positions d is not the whole change.
    const whole = step === 1 ? d : emitUp(builder, site, 'd.whole', h);
    change = emitFinerChoice(builder, { measured, d: whole, rank, channels, row }, scope);
  } else {
    const gates = emitGates(builder, distances, row);
    change = step === 1 ? chosen(builder, gates, 'd', d) : emitUp(builder, site, 'd.chosen', h, chosenUp(builder, site, gates));
  }
  const flat = conv || (scope === 'layer' && step === 1);
  const shaped = flat ? builder.add('Reshape', 'change', [change, builder.int64s(dims)]) : change;
  if (site.float16) builder.add('Cast', 'y', [builder.add('Add', 'y32', [y0, shaped])], { to: FLOAT16 }, output);
  else builder.add('Add', 'y', [y0, shaped], {}, output);
  return distances;
}

function everyNth(builder: GraphBuilder, label: string, value: string, axis: number, step: number): string {
  const [from, to, axes, steps] = [[0], [Number.MAX_SAFE_INTEGER], [axis], [step]].map((values) => builder.int64s(values));
  return builder.add('Slice', label, [value, from!, to!, axes!, steps!]);
}

/** The gates' sum of the two halves of `pair` [2, ...], flat: [1, elements]. */
function chosen(builder: GraphBuilder, gates: string, label: string, pair: string): string {
  const flat = builder.add('Reshape', `${label}.flat`, [pair, builder.int64s([2, -1])]);
  return builder.add('MatMul', `${label}.gated`, [gates, flat]);
}

/** The `up` of the LoRA that was chosen; the other's rows are zero. */
function chosenUp(builder: GraphBuilder, site: Site, gates: string): string {
  const { kind, module, out } = site.layer;
  const shape = kind === 'linear' ? [-1, out] : [out, -1];
  return builder.add('Reshape', 'up.chosen', [chosen(builder, gates, 'up', factorInput(module, 'up')), builder.int64s(shape)]);
}

/** [1, 2]: how much of subject and style is applied, by the layer's column of the table. */
function emitGates(builder: GraphBuilder, distances: string, row: number): string {
  const terms = builder.add('Concat', 'terms', [distances, builder.floats([1], [1])], { axis: int(0) });
  const weights = builder.add('Gather', 'weights', [FUSION.table, builder.int64s([row])], { axis: int(1) });
  const sum = builder.add('MatMul', 'sum', [terms, weights]);
  return builder.add('Gather', 'gates', [FUSION.gates, emitWinner(builder, sum)], { axis: int(0) });
}
