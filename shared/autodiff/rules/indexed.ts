/** Operators that read or write elements by index. Indices are compared with the axis' positions. */
import { int } from '../../onnx/ir.ts';
import type { Backward, Vjp, VjpRule } from '../backward.ts';

const product = (dims: readonly number[]): number => dims.reduce((all, dim) => all * dim, 1);

/** Indices into axes of `sizes` (of the last axis of `value`, or one for all) as int64, counted from the start. */
function fromStart(g: Backward, value: string, sizes: readonly number[]): string {
  const limits = g.int64s(sizes);
  return g.emit('Mod', [g.emit('Add', [g.emit('Cast', [value], { to: int(7) }), limits]), limits]);
}

/** [..., size, picked]: 1 where `index` [..., 1, picked] is the row. */
function oneHot(g: Backward, index: string, size: number): string {
  const positions = g.int64s(Array.from({ length: size }, (_, position) => position));
  return g.mask(g.emit('Equal', [g.reshape(positions, [size, 1]), index]));
}

/** One element, or several in their order, are a slice: zeros around it. What compares indices that are known runtimes compute once, as they load. */
export const Gather: VjpRule = {
  inputs: [0],
  vjp: (g) => {
    const shape = g.shape();
    const axis = g.axis(g.int('axis', 0), shape.length);
    const size = shape[axis]!;
    const picked = product(g.shape(1));
    const known = g.constantNumbers(1)?.map((index) => (index < 0 ? index + size : index));
    if (known?.every((index, k) => index === known[0]! + k)) {
      const part = g.reshape(g.dy, shape.with(axis, picked));
      const padding = (count: number) => shape.map((_, at) => (at === axis ? count : 0));
      return g.pad(part, padding(known[0] ?? 0), padding(size - picked - (known[0] ?? 0)));
    }
    const matrix = oneHot(g, fromStart(g, g.reshape(g.x(1), [1, picked]), [size]), size);
    const [outer, inner] = [product(shape.slice(0, axis)), product(shape.slice(axis + 1))];
    return g.reshape(g.matmul(matrix, g.reshape(g.dy, [outer, picked, inner])), shape);
  },
};

/** Adds each element to the one of `axis` that `index`, of the same shape, names; where the other axes are shorter than the input's, zeros follow. */
function scatterAlong(g: Backward, dy: string, index: string, dims: readonly number[], axis: number): string {
  const shape = g.shape();
  const size = shape[axis]!;
  const apart = dims.toSpliced(axis + 1, 0, 1);
  const after = shape.slice(axis + 1).map(() => 1);
  const positions = g.reshape(g.int64s(Array.from({ length: size }, (_, position) => position)), [size, ...after]);
  const chosen = g.emit('Equal', [g.reshape(fromStart(g, index, [size]), apart), positions]);
  const sums = g.sum(g.keepWhere(chosen, g.reshape(dy, apart)), [axis], false);
  return g.pad(sums, shape.map(() => 0), shape.map((full, at) => (at === axis ? 0 : full - dims[at]!))); // prettier-ignore
}

export const GatherElements: VjpRule = {
  inputs: [0],
  vjp: (g) => scatterAlong(g, g.dy, g.x(1), g.shape(1), g.axis(g.int('axis', 0), g.shape().length)),
};

/** The values go back where the indices say that they came from. */
export const TopK: VjpRule = {
  inputs: [0],
  vjp: (g) => {
    if (g.y(1) === '') throw g.invalid('the gradient needs its indices; give the second output a name');
    return scatterAlong(g, g.dy, g.y(1), g.yShape(), g.axis(g.int('axis', -1), g.shape().length));
  },
};

/** Index tuples [..., k] count the elements of k axes, row-major, behind the batch axes. */
export const GatherND: VjpRule = {
  inputs: [0],
  vjp: (g) => {
    const [shape, indices] = [g.shape(), g.shape(1)];
    const batch = g.int('batch_dims', 0);
    const depth = indices.at(-1)!;
    const sizes = shape.slice(batch, batch + depth);
    const picked = product(indices.slice(batch, -1));
    const leading = shape.slice(0, batch);
    const strides = sizes.map((_, axis) => product(sizes.slice(axis + 1)));
    const scaled = g.emit('Mul', [fromStart(g, g.x(1), sizes), g.int64s(strides)]);
    const index = g.reshape(g.sum(scaled, [indices.length - 1], false), [...leading, 1, picked]);
    const matrix = oneHot(g, index, product(sizes));
    return g.reshape(g.matmul(matrix, g.reshape(g.dy, [...leading, picked, product(shape.slice(batch + depth))])), shape);
  },
};

/** What was written over has no gradient, what was written has that of its place. */
const scattered =
  (read: 'GatherElements' | 'GatherND'): Vjp =>
  (g, i) => {
    const reduction = g.string('reduction', 'none');
    if (reduction !== 'none' && reduction !== 'add') throw g.invalid(`the reduction ${reduction} has no gradient here; none and add have`);
    const attributes = Object.fromEntries(g.node.attributes);
    const { reduction: _, ...place } = attributes;
    if (i === 2) return g.emit(read, [g.dy, g.x(1)], place);
    if (reduction === 'add') return g.dy;
    return g.emit(g.node.opType, [g.dy, g.x(1), g.expand(g.scalar(0), g.shape(2))], place);
  };
export const ScatterElements: VjpRule = { inputs: [0, 2], vjp: scattered('GatherElements') };
export const ScatterND: VjpRule = { inputs: [0, 2], vjp: scattered('GatherND') };

export const Trilu: VjpRule = {
  inputs: [0],
  vjp: (g) => g.emit('Trilu', g.has(1) ? [g.dy, g.x(1)] : [g.dy], { upper: int(g.int('upper', 1)) }),
};
