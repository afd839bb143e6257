/** Sums, means and extremes over axes, and what is normalised by them. */
import type { Backward, VjpRule } from '../backward.ts';

/** The axes that a reduction runs over: an attribute, an input, or all of them. */
function axesOf(g: Backward): number[] {
  const rank = g.shape().length;
  const given = g.intsFrom(1, 'axes', []);
  if (!given) throw g.invalid('the axes are not constant');
  if (given.length > 0) return g.axes(given, rank);
  return g.int('noop_with_empty_axes', 0) === 1 ? [] : Array.from({ length: rank }, (_, axis) => axis);
}

/** A value of the output's shape with the reduced axes as size 1. */
function kept(g: Backward, value: string): string {
  const axes = new Set(axesOf(g));
  return g.reshape(value, g.shape().map((size, axis) => (axes.has(axis) ? 1 : size))); // prettier-ignore
}

const countOf = (g: Backward): number => axesOf(g).reduce((product, axis) => product * g.shape()[axis]!, 1);
const spread = (g: Backward, value: string): string => g.expand(kept(g, value), g.shape());

export const ReduceSum: VjpRule = { inputs: [0], vjp: (g) => spread(g, g.dy) };
export const ReduceMean: VjpRule = { inputs: [0], vjp: (g) => g.scale(spread(g, g.dy), 1 / countOf(g)) };
export const ReduceSumSquare: VjpRule = { inputs: [0], vjp: (g) => g.mul(g.scale(g.x(), 2), kept(g, g.dy)) };
/** x / |x|; at 0, where there is no slope, 0. */
export const ReduceL2: VjpRule = {
  inputs: [0],
  vjp: (g) => {
    const length = kept(g, g.y());
    const safe = g.emit('Where', [g.emit('Greater', [length, g.scalar(0)]), length, g.scalar(1)]);
    return g.mul(g.x(), g.div(kept(g, g.dy), safe));
  },
};
export const ReduceL1: VjpRule = { inputs: [0], vjp: (g) => g.mul(g.sign(g.x()), kept(g, g.dy)) };
export const ReduceLogSumExp: VjpRule = {
  inputs: [0],
  vjp: (g) => g.mul(kept(g, g.dy), g.emit('Exp', [g.sub(g.x(), kept(g, g.y()))])),
};
/** y = log(sum(x)). */
export const ReduceLogSum: VjpRule = { inputs: [0], vjp: (g) => spread(g, g.mul(g.dy, g.emit('Exp', [g.neg(g.y())]))) };
/** The product of all others: without 0 among them y / x, for a lone 0 the product of the rest. */
export const ReduceProd: VjpRule = {
  inputs: [0],
  vjp: (g) => {
    const zero = g.emit('Equal', [g.x(), g.scalar(0)]);
    const safe = g.emit('Where', [zero, g.scalar(1), g.x()]);
    const product = kept(g, g.emit('ReduceProd', [safe, ...g.node.inputs.slice(1)], Object.fromEntries(g.node.attributes)));
    const zeros = g.sum(g.mask(zero), axesOf(g));
    const count = (n: number) => g.mask(g.emit('Equal', [zeros, g.scalar(n)]));
    const share = g.emit('Where', [zero, count(1), g.div(count(0), safe)]);
    return g.mul(share, g.mul(kept(g, g.dy), product));
  },
};
/** Ties share the gradient evenly. */
const extreme: VjpRule = {
  inputs: [0],
  vjp: (g) => {
    const mask = g.mask(g.emit('Equal', [g.x(), kept(g, g.y())]));
    return g.mul(mask, g.div(kept(g, g.dy), g.sum(mask, axesOf(g))));
  },
};
export const ReduceMax = extreme;
export const ReduceMin = extreme;

const softmaxAxes = (g: Backward): number[] => [g.axis(g.int('axis', -1), g.shape().length)];

export const Softmax: VjpRule = { vjp: (g) => g.mul(g.y(), g.sub(g.dy, g.sum(g.mul(g.dy, g.y()), softmaxAxes(g)))) };
export const LogSoftmax: VjpRule = { vjp: (g) => g.sub(g.dy, g.mul(g.emit('Exp', [g.y()]), g.sum(g.dy, softmaxAxes(g)))) };

/** The sum of all elements before each one (or, reversed, after it) is undone by the sum the other way. */
export const CumSum: VjpRule = {
  inputs: [0],
  vjp: (g) => {
    const reverse = { kind: 'int', value: 1 - g.int('reverse', 0) } as const;
    return g.emit('CumSum', [g.dy, g.x(1)], { exclusive: { kind: 'int', value: g.int('exclusive', 0) }, reverse });
  },
};
