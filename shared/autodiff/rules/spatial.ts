/** Convolutions, pooling and resizing of [N, C, ...spatial]. */
import { type Attribute, int, ints } from '../../onnx/ir.ts';
import type { Backward, VjpRule } from '../backward.ts';
import { interpolation } from '../interpolation.ts';

interface Window {
  kernel: number[];
  strides: number[];
  dilations: number[];
  before: number[];
  after: number[];
  group: number;
}

/** The sliding window of a node over inputs of `sizes`, its automatic padding resolved. */
function windowOf(g: Backward, kernel: number[], sizes: readonly number[]): Window {
  const ones = kernel.map(() => 1);
  const strides = g.ints('strides', ones);
  const dilations = g.ints('dilations', ones);
  const pads = g.ints('pads', [...kernel, ...kernel].map(() => 0)); // prettier-ignore
  const auto = g.string('auto_pad', 'NOTSET');
  const half = kernel.length;
  let [before, after] = [pads.slice(0, half), pads.slice(half)];
  if (auto.startsWith('SAME')) {
    const total = kernel.map((size, i) =>
      Math.max(0, (Math.ceil(sizes[i]! / strides[i]!) - 1) * strides[i]! + dilations[i]! * (size - 1) + 1 - sizes[i]!),
    );
    const small = total.map((count) => Math.floor(count / 2));
    const large = total.map((count, i) => count - small[i]!);
    [before, after] = auto === 'SAME_UPPER' ? [small, large] : [large, small];
  }
  return { kernel, strides, dilations, before, after, group: g.int('group', 1) };
}

const attributesOf = ({ kernel, strides, dilations, before, after, group }: Window) => ({
  kernel_shape: ints(...kernel),
  strides: ints(...strides),
  dilations: ints(...dilations),
  pads: ints(...before, ...after),
  group: int(group),
});

/** A weight [O, C / group, ...kernel] as [C, O / group, ...kernel], every kernel turned round. */
function turned(g: Backward, weight: string, [out, channels, ...kernel]: readonly number[], group: number): string {
  const axes = kernel.map((_, i) => i);
  const grouped = g.reshape(weight, [group, out! / group, channels!, ...kernel]);
  const exchanged = g.transpose(grouped, [0, 2, 1, ...axes.map((axis) => axis + 3)]);
  const value = g.reshape(exchanged, [group * channels!, out! / group, ...kernel]);
  const wide = axes.filter((axis) => kernel[axis]! > 1);
  if (wide.length === 0) return value;
  return g.flip(
    value,
    wide.map((axis) => axis + 2),
    wide.map((axis) => kernel[axis]!),
  );
}

/**
 * `spreadBy` for a stride of 1: a convolution by the kernel turned round, for which runtimes have better code. On the CPU ConvTranspose holds every
 * product at once, 9 times dX for a kernel of 3 x 3, and takes twice as long. Undefined where more is padded than the kernel reaches.
 */
function spreadByConv(g: Backward, dy: string, weight: string, window: Window, sizes: readonly number[], outSizes: readonly number[]) {
  const { kernel, strides, dilations, group } = window;
  const reach = kernel.map((size, i) => dilations[i]! * (size - 1));
  const before = reach.map((count, i) => count - window.before[i]!);
  const after = reach.map((_, i) => sizes[i]! - outSizes[i]! + window.before[i]!);
  if (strides.some((stride) => stride > 1) || [...before, ...after].some((count) => count < 0)) return undefined;
  return g.emit('Conv', [dy, turned(g, weight, g.shape(1), group)], attributesOf({ ...window, before, after }));
}

/**
 * ConvTranspose by the weight of the node. onnxruntime 1.29 on WebGPU adds up groups of several inputs and one output wrongly: such a group gets a second
 * output, of zeros, that is dropped again.
 */
function transposed(g: Backward, dy: string, weight: string, attributes: Record<string, Attribute>): string {
  const group = g.int('group', 1);
  const [out, channels, ...kernel] = group === 1 ? [] : g.shape(1);
  if (out === undefined || out === group || channels! > 1) return g.emit('ConvTranspose', [dy, weight], attributes);
  const zeros = g.expand(g.scalar(0), [out, 1, ...kernel]);
  const both = g.emit('ConvTranspose', [dy, g.emit('Concat', [weight, zeros], { axis: int(1) })], attributes);
  const all = Number.MAX_SAFE_INTEGER;
  return g.emit('Slice', [both, g.int64s([0]), g.int64s([all]), g.int64s([1]), g.int64s([2])]);
}

/** The transposed convolution of `dy` [N, O, ...] by `weight` [O, C / group, ...kernel], of the spatial sizes `sizes`. */
function spreadBy(g: Backward, dy: string, weight: string, window: Window, sizes: readonly number[], outSizes: readonly number[]): string {
  const { kernel, strides, dilations, before, after } = window;
  // Input rows that no window reaches have no gradient; the operator makes them as output padding.
  const missing = sizes.map(
    (size, i) => size - ((outSizes[i]! - 1) * strides[i]! + dilations[i]! * (kernel[i]! - 1) + 1 - before[i]! - after[i]!),
  );
  const extra = missing.map((count, i) => Math.min(count, Math.max(strides[i]!, dilations[i]!) - 1));
  const rest = missing.map((count, i) => count - extra[i]!);
  const spread = transposed(g, dy, weight, { ...attributesOf(window), output_padding: ints(...extra) });
  return g.pad(spread, [0, 0, ...sizes.map(() => 0)], [0, 0, ...rest]);
}

/**
 * The gradient of the weight [O, C / group, ...kernel]: a convolution of the input by dY, batch and channels exchanged within each group, strides and
 * dilations exchanged.
 */
function weightGradient(g: Backward, x: string, xShape: readonly number[], dy: string, window: Window): string {
  const { kernel, strides, dilations, before, after, group } = window;
  const [batch, channels, ...sizes] = xShape as [number, number, ...number[]];
  const spatial = kernel.map((_, i) => i + 2);
  const exchange = [1, 0, ...spatial];
  const grouped = g.reshape(x, [batch, group, channels / group, ...sizes]);
  const exchanged = g.transpose(grouped, [2, 1, 0, ...spatial.map((axis) => axis + 1)]);
  const input = g.reshape(exchanged, [channels / group, group * batch, ...sizes]);
  const attributes = { strides: ints(...dilations), dilations: ints(...strides), pads: ints(...before, ...after), group: int(group) };
  const full = g.emit('Conv', [input, g.transpose(dy, exchange)], attributes);
  const cut = kernel.reduce((value, size, i) => g.slice(value, i + 2, 0, size), full);
  return g.transpose(cut, exchange);
}

const toChannels = (g: Backward, value: string, rank: number): string =>
  g.sum(
    value,
    Array.from({ length: rank }, (_, axis) => axis).filter((axis) => axis !== 1),
    false,
  );

export const Conv: VjpRule = {
  vjp: (g, i) => {
    const sizes = g.shape().slice(2);
    const window = windowOf(g, g.shape(1).slice(2), sizes);
    const outSizes = g.yShape().slice(2);
    if (i === 0) return spreadByConv(g, g.dy, g.x(1), window, sizes, outSizes) ?? spreadBy(g, g.dy, g.x(1), window, sizes, outSizes);
    return i === 1 ? weightGradient(g, g.x(), g.shape(), g.dy, window) : toChannels(g, g.dy, g.shape().length);
  },
};

/** What a Conv's input gradient is, forward; so its own gradient is that Conv. */
export const ConvTranspose: VjpRule = {
  vjp: (g, i) => {
    if (i === 2) return toChannels(g, g.dy, g.shape().length);
    if (g.string('auto_pad', 'NOTSET') !== 'NOTSET' || g.node.attributes.has('output_shape'))
      throw g.invalid('automatic padding has no gradient here; export with explicit pads');
    const window = windowOf(g, g.shape(1).slice(2), []);
    if (i === 1) return weightGradient(g, g.dy, g.yShape(), g.x(), window);
    const conv = g.emit('Conv', [g.dy, g.x(1)], attributesOf(window));
    // Output padding can leave room for one more position than there was.
    return g.shape().slice(2).reduce((value, size, k) => g.slice(value, k + 2, 0, size), conv); // prettier-ignore
  },
};

/** [N, C, ...] as [N C, 1, ...]: channels that share a kernel are a batch. */
const asBatch = (g: Backward, value: string, sizes: readonly number[]): string => {
  const [batch, channels] = g.shape() as [number, number];
  return g.reshape(value, [batch * channels, 1, ...sizes]);
};

/** Every position's share goes back to all elements of its window; padding counts as elements or it does not. */
export const AveragePool: VjpRule = {
  vjp: (g) => {
    const sizes = g.shape().slice(2);
    const outSizes = g.yShape().slice(2);
    const kernel = g.ints('kernel_shape', []);
    const window = windowOf(g, kernel, sizes);
    const counts = outSizes.map((out, i) =>
      Array.from({ length: out }, (_, at) => covered(window, sizes, i, at, g.int('count_include_pad', 0) === 1)),
    );
    const shares = g.floats([1, 1, ...outSizes], outer(counts).map((count) => 1 / count)); // prettier-ignore
    const ones = g.floats([1, 1, ...kernel], Array<number>(kernel.reduce((a, b) => a * b, 1)).fill(1));
    const dy = asBatch(g, g.mul(g.dy, shares), outSizes);
    return g.reshape(spreadBy(g, dy, ones, grown(window, sizes, outSizes), sizes, outSizes), g.shape());
  },
};

/** How many elements of axis `i` the window at position `at` averages over. */
function covered(
  { kernel, strides, dilations, before, after }: Window,
  sizes: readonly number[],
  i: number,
  at: number,
  padding: boolean,
): number {
  const [low, high] = padding ? [-before[i]!, sizes[i]! + after[i]!] : [0, sizes[i]!];
  const start = at * strides[i]! - before[i]!;
  return Array.from({ length: kernel[i]! }, (_, k) => start + k * dilations[i]!).filter((position) => position >= low && position < high)
    .length;
}

/** All products of one number an axis, row-major. */
const outer = (axes: readonly (readonly number[])[]): number[] =>
  axes.reduce<number[]>((products, axis) => products.flatMap((a) => axis.map((b) => a * b)), [1]);

/** A window rounded up past the end (`ceil_mode`) needs that much more padding to be undone. */
function grown(window: Window, sizes: readonly number[], outSizes: readonly number[]): Window {
  const { kernel, strides, dilations, before } = window;
  const after = window.after.map((count, i) =>
    Math.max(count, (outSizes[i]! - 1) * strides[i]! + dilations[i]! * (kernel[i]! - 1) + 1 - before[i]! - sizes[i]!),
  );
  return { ...window, after };
}

export const GlobalAveragePool: VjpRule = {
  vjp: (g) => g.expand(g.scale(g.dy, 1 / g.shape().slice(2).reduce((a, b) => a * b, 1)), g.shape()), // prettier-ignore
};

/** Ties share the gradient evenly. */
export const GlobalMaxPool: VjpRule = {
  vjp: (g) => {
    const top = g.mask(g.emit('Equal', [g.x(), g.y()]));
    return g.mul(top, g.div(g.dy, g.sum(top, g.shape().map((_, axis) => axis).slice(2)))); // prettier-ignore
  },
};

/** Below every finite number that a network makes, yet 0 times it is 0. */
const lowest = (g: Backward): string => g.scalar(g.dataType === 'float16' ? -65000 : -3e38);

/** The first of the largest elements of each window, in row-major order, gets the gradient, as in PyTorch. */
export const MaxPool: VjpRule = {
  inputs: [0],
  vjp: (g) => {
    const sizes = g.shape().slice(2);
    const outSizes = g.yShape().slice(2);
    const kernel = g.ints('kernel_shape', []);
    const window = grown(windowOf(g, kernel, sizes), sizes, outSizes);
    const count = kernel.reduce((a, b) => a * b, 1);
    const oneHot = Array.from({ length: count * count }, (_, i) => (i % (count + 1) === 0 ? 1 : 0));
    const weight = g.floats([count, 1, ...kernel], oneHot);
    const none = sizes.map(() => 0);
    const pads = g.int64s([0, 0, ...window.before, 0, 0, ...window.after]);
    const padded = g.emit('Pad', [g.x(), pads, lowest(g)]);
    const paddedSizes = sizes.map((size, i) => size + window.before[i]! + window.after[i]!);
    const elements = g.emit('Conv', [asBatch(g, padded, paddedSizes), weight], attributesOf({ ...window, before: none, after: none }));
    const top = g.mask(g.emit('GreaterOrEqual', [elements, asBatch(g, g.y(), outSizes)]));
    const before = g.emit('CumSum', [top, g.int64s([1])], { exclusive: int(1) });
    const first = g.keepWhere(g.emit('Less', [before, g.scalar(0.5)]), top);
    const shares = g.mul(first, asBatch(g, g.dy, outSizes));
    return g.reshape(spreadBy(g, shares, weight, window, sizes, outSizes), g.shape());
  },
};

/** Resizing is a matrix along each axis, and its transpose takes the gradient back; whole-number nearest upsampling sums blocks instead. */
export const Resize: VjpRule = {
  inputs: [0],
  vjp: (g) => {
    const [shape, out] = [g.shape(), g.yShape()];
    const factors = out.map((size, axis) => size / shape[axis]!);
    if (g.string('mode', 'nearest') === 'nearest' && factors.every(Number.isInteger) && repeats(g)) {
      const blocks = shape.flatMap((size, axis) => [size, factors[axis]!]);
      return g.sum(g.reshape(g.dy, blocks), shape.map((_, axis) => 2 * axis + 1), false); // prettier-ignore
    }
    let gradient = g.dy;
    for (const [axis, size] of shape.entries()) {
      if (out[axis] === size) continue;
      const matrix = interpolation(g, axis, size, out[axis]!);
      const transposed = Array.from({ length: size * out[axis]! }, (_, i) => matrix[(i % out[axis]!) * size + Math.floor(i / out[axis]!)]!);
      gradient = g.alongAxis(gradient, shape.length, axis, size, out[axis]!, transposed);
    }
    return gradient;
  },
};

/** Upsampling by a whole number repeats each element, unless the coordinates are shifted past its edges. */
function repeats(g: Backward): boolean {
  const transform = g.string('coordinate_transformation_mode', 'half_pixel');
  const rounding = g.string('nearest_mode', 'round_prefer_floor');
  if (transform === 'asymmetric') return rounding === 'floor';
  return transform === 'half_pixel' && rounding.startsWith('round');
}
