/**
 * One fused layer, as nodes (arXiv 2602.15539, section 3.2; `docs/method.md`, section 1):
 *
 *     d_k = up_k(strength_k * down_k(x))                       k in {subject, style}
 *     D_k = mean over positions of  log E_p[exp(d_k)] - E_p[d_k],   p = softmax(y0)     = KL(softmax(y0) || softmax(y0 + d_k))
 *     y   = y0 + g_subject d_subject + g_style d_style
 *
 * Both branches are stacked on a new first axis, so that everything after the factors is one operator for two.
 */
import { LORA_KINDS, type LoraKind } from '../manifest.ts';
import type { GraphBuilder } from '../onnx/builder.ts';
import { type Attribute, int, type Node } from '../onnx/ir.ts';
import { factorInput, FUSION } from './interface.ts';
import type { Site } from './sites.ts';

const FLOAT32 = int(1);
const FLOAT16 = int(10);

/** What all layers share: computed once a run, before the first of them. */
export interface SharedControls {
  /** Scalar strength of each LoRA, in the order of `LORA_KINDS`. */
  strengths: string[];
  /** [L, 2] each: gates = choice * slope + offset; the slope is 0 where the gates are given. */
  slopes: string;
  offsets: string;
}

/** Emits what is computed once: the strengths one by one, and the line that turns a choice into gates. */
export function emitControls(builder: GraphBuilder): SharedControls {
  builder.scope('fusion');
  const strengths = LORA_KINDS.map((kind, k) => builder.add('Gather', `strength.${kind}`, [FUSION.strengths, builder.int64s([k])]));
  const slopes = builder.add('Mul', 'slopes', [FUSION.select, builder.floats([2], [1, -1])]);
  const styleByDefault = builder.add('Mul', 'offset.chosen', [FUSION.select, builder.floats([2], [0, 1])]);
  const given = builder.add('Sub', 'given', [builder.floats([1], [1]), FUSION.select]);
  const offsets = builder.add('Add', 'offsets', [builder.add('Mul', 'offset.given', [FUSION.gates, given]), styleByDefault]);
  return { strengths, slopes, offsets };
}

/** Where a layer stands: its row in the tables, the rank of y0, the name of y0, and the value that the rest of the graph reads. */
export interface LayerPlace {
  row: number;
  rank: number;
  base: string;
  output: string;
}

/**
 * Emits the fusion of one site.
 * Returns the names of the layer's KL pair [2] and gates [1, 2].
 */
export function emitLayer(builder: GraphBuilder, site: Site, place: LayerPlace, shared: SharedControls): { kl: string; gates: string } {
  const { row, rank, base, output } = place;
  builder.scope(`${site.layer.module}/fusion`);
  const x = site.float16 ? builder.add('Cast', 'x', [site.input], { to: FLOAT32 }) : site.input;
  const y0 = site.float16 ? builder.add('Cast', 'y0', [base], { to: FLOAT32 }) : base;
  const deltas = LORA_KINDS.map((kind, k) =>
    builder.unsqueeze(`d.${kind}.row`, emitDelta(builder, site, kind, x, shared.strengths[k]!), [0]),
  );
  const d = builder.add('Concat', 'd', deltas, { axis: int(0) });

  const kl = emitKl(builder, site, rank, y0, d);
  const choice = emitChoice(builder, kl);
  const rowOf = (label: string, table: string) => builder.add('Gather', label, [table, builder.int64s([row])], { axis: int(0) });
  const sloped = builder.add('Mul', 'sloped', [choice, rowOf('slope', shared.slopes)]);
  const gates = builder.add('Add', 'gates', [sloped, rowOf('offset', shared.offsets)]);

  const column = builder.add('Reshape', 'gates.column', [gates, builder.int64s([2, ...Array<number>(rank).fill(1)])]);
  const chosen = builder.reduce('ReduceSum', 'chosen', builder.add('Mul', 'gated', [d, column]), [0], false);
  if (site.float16) builder.add('Cast', 'y', [builder.add('Add', 'y32', [y0, chosen])], { to: FLOAT16 }, output);
  else builder.add('Add', 'y', [y0, chosen], {}, output);
  return { kl, gates };
}

/** d_k, of y0's shape. The strength multiplies the narrow side. */
function emitDelta(builder: GraphBuilder, site: Site, kind: LoraKind, x: string, strength: string): string {
  const down = factorInput(kind, site.layer.module, 'down');
  const up = factorInput(kind, site.layer.module, 'up');
  if (site.layer.kind === 'linear') {
    const h = builder.add('Mul', `h.${kind}`, [builder.add('MatMul', `down.${kind}`, [x, down]), strength]);
    return builder.add('MatMul', `d.${kind}`, [h, up]);
  }
  const h = builder.add('Mul', `h.${kind}`, [builder.add('Conv', `down.${kind}`, [x, down], convGeometry(site.node)), strength]);
  return builder.add('Conv', `d.${kind}`, [h, up]);
}

/** Stride, padding and dilation of the layer itself: `down` has its kernel. */
function convGeometry(node: Node): Record<string, Attribute> {
  return Object.fromEntries([...node.attributes].filter(([name]) => name !== 'group'));
}

/** [2]: the mean over positions of each branch's KL, over channels: a Linear's last axis, a Conv's axis 1. */
function emitKl(builder: GraphBuilder, site: Site, rank: number, y0: string, d: string): string {
  const channels = site.layer.kind === 'conv' ? 1 : rank - 1;
  const p = builder.add('Softmax', 'p', [y0], { axis: int(channels) });
  const expect = (label: string, value: string) =>
    builder.reduce('ReduceSum', `mean.${label}`, builder.add('Mul', `weighted.${label}`, [p, value]), [channels + 1], true);
  const logMeanExp = builder.add('Log', 'log', [expect('exp', builder.add('Exp', 'exp', [d]))]);
  const kl = builder.add('Sub', 'kl.position', [logMeanExp, expect('d', d)]);
  return builder.reduce(
    'ReduceMean',
    'kl',
    kl,
    Array.from({ length: rank }, (_, axis) => axis + 1),
    false,
  );
}

/**
 * Ties go to the subject. The same branch twice must tie, but sums in another order differ in their last bits, so the subject also
 * wins where its KL is smaller by less than this, relative to the style's.
 */
const TIE = 1e-5;

/** [1]: 1 where the subject's KL is at least the style's, else 0. */
function emitChoice(builder: GraphBuilder, kl: string): string {
  const difference = builder.add('MatMul', 'difference', [kl, builder.floats([2, 1], [1, TIE - 1])]);
  return builder.add('Cast', 'choice', [builder.add('GreaterOrEqual', 'subject.wins', [difference, builder.floats([1], [0])])], {
    to: FLOAT32,
  });
}
