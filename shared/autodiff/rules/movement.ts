/** Operators that move elements: the gradient moves back. */
import type { Vjp, VjpRule } from '../backward.ts';
import { sliceRanges } from '../../onnx/infer/movement.ts';

/** The same elements in the input's shape. */
const reshaped: VjpRule = { inputs: [0], vjp: (g) => g.reshape(g.dy, g.shape()) };

export const Reshape = reshaped;
export const Squeeze = reshaped;
export const Unsqueeze = reshaped;
export const Flatten = reshaped;

export const Transpose: VjpRule = {
  vjp: (g) => {
    const rank = g.shape().length;
    const perm = g.ints(
      'perm',
      Array.from({ length: rank }, (_, axis) => rank - 1 - axis),
    );
    return g.transpose(g.dy, perm.map((_, axis) => perm.indexOf(axis))); // prettier-ignore
  },
};

/** The walker sums over what was copied. */
export const Expand: VjpRule = { inputs: [0], vjp: (g) => g.dy };

export const Tile: VjpRule = {
  inputs: [0],
  vjp: (g) => {
    const shape = g.shape();
    const repeated = shape.flatMap((size, axis) => [g.yShape()[axis]! / Math.max(1, size), size]);
    return g.sum(g.reshape(g.dy, repeated), shape.map((_, axis) => 2 * axis), false); // prettier-ignore
  },
};

export const Concat: VjpRule = {
  vjp: (g, i) => {
    const axis = g.axis(g.int('axis', 0), g.yShape().length);
    const from = Array.from({ length: i }, (_, k) => g.shape(k)[axis]!).reduce((sum, size) => sum + size, 0);
    return g.slice(g.dy, axis, from, from + g.shape(i)[axis]!);
  },
};

/** A part that the loss does not depend on counts as zeros. */
export const Split: VjpRule = {
  inputs: [0],
  vjp: (g) => {
    const parts = g.dys.map((dy, k) => dy ?? g.expand(g.scalar(0), g.yShape(k)));
    return g.emit('Concat', parts, { axis: { kind: 'int', value: g.axis(g.int('axis', 0), g.shape().length) } });
  },
};

/** Zeros where nothing was taken: a step backwards is turned round, and steps of several elements are filled up. */
export const Slice: VjpRule = {
  inputs: [0],
  vjp: (g) => {
    const ranges = sliceRanges(g);
    if (!ranges) throw g.invalid('starts, ends, axes or steps are not constant');
    const shape = g.shape();
    const sizes = ranges.map(({ count }) => count);
    const [before, after] = [shape.map(() => 0), shape.map(() => 0)];
    let gradient = g.dy;
    for (const [axis, { start, step, count }] of ranges.entries()) {
      const every = Math.abs(step);
      if (step < 0) gradient = g.flip(gradient, [axis], [count]);
      if (every > 1) {
        const apart = sizes.toSpliced(axis + 1, 0, 1);
        sizes[axis] = count * every;
        const filled = g.pad(g.reshape(gradient, apart), apart.map(() => 0), apart.map((_, at) => (at === axis + 1 ? every - 1 : 0))); // prettier-ignore
        gradient = g.reshape(filled, sizes);
      }
      before[axis] = count === 0 ? 0 : Math.min(start, start + (count - 1) * step);
      after[axis] = shape[axis]! - before[axis] - sizes[axis]!;
    }
    return g.pad(gradient, before, after);
  },
};

/** What was padded is cut off; negative pads, which cut, are padded with zeros. Reflected and repeated edges go back through a matrix. */
export const Pad: VjpRule = {
  inputs: [0],
  vjp: (g) => {
    const shape = g.shape();
    const rank = shape.length;
    const given = g.has(1) ? g.constantInts(1) : g.ints('pads', []);
    const axes = g.has(3) ? g.axes(g.constantInts(3) ?? [], rank) : shape.map((_, axis) => axis);
    if (!given) throw g.invalid('the pads are not constant');
    const [before, after] = [shape.map(() => 0), shape.map(() => 0)];
    for (const [k, axis] of axes.entries()) [before[axis], after[axis]] = [given[k]!, given[k + axes.length]!];
    const mode = g.string('mode', 'constant');
    if (mode === 'constant') return g.pad(g.dy, before.map((count) => -count), after.map((count) => -count)); // prettier-ignore
    let gradient = g.dy;
    for (const [axis, size] of shape.entries()) {
      if (before[axis] === 0 && after[axis] === 0) continue;
      const targets = Array.from({ length: g.yShape()[axis]! }, (_, k) => source(k - before[axis]!, size, mode));
      gradient = g.scatter(gradient, rank, axis, size, targets);
    }
    return gradient;
  },
};

/** Where the element at `position`, perhaps outside 0 ... size - 1, was copied from. */
function source(position: number, size: number, mode: string): number {
  if (mode === 'wrap') return ((position % size) + size) % size;
  if (mode === 'edge') return Math.min(size - 1, Math.max(0, position));
  const period = Math.max(1, 2 * (size - 1));
  const within = ((position % period) + period) % period;
  return within < size ? within : period - within;
}

/** [N, C b b, H, W] and [N, C, H b, W b]: the same elements, by the order of the operator's mode. */
const shuffled: Vjp = (g) => {
  const [batch, channels, height, width] = g.shape() as [number, number, number, number];
  const b = g.int('blocksize', 1);
  const rows = [batch, channels / b / b, height, b, width, b];
  const crd = g.string('mode', 'DCR') === 'CRD';
  return g.reshape(g.transpose(g.reshape(g.dy, rows), crd ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4]), g.shape());
};
export const DepthToSpace: VjpRule = { vjp: shuffled };

export const SpaceToDepth: VjpRule = {
  vjp: (g) => g.emit('DepthToSpace', [g.dy], { blocksize: { kind: 'int', value: g.int('blocksize', 1) } }),
};
