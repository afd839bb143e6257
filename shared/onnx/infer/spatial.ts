/** Rules of convolutions, pooling and resizing: [N, C, ...spatial]. */
import { type Call, type ShapeRule, type StaticType } from './rule.ts';

interface Window {
  kernel: number[];
  strides: number[];
  dilations: number[];
  pads: number[];
  autoPad: string;
}

function windowOf(call: Call, kernel: number[]): Window {
  const ones = kernel.map(() => 1);
  return {
    kernel,
    strides: call.ints('strides', ones),
    dilations: call.ints('dilations', ones),
    pads: call.ints(
      'pads',
      [...kernel, ...kernel].map(() => 0),
    ),
    autoPad: call.string('auto_pad', 'NOTSET'),
  };
}

/** Positions of a sliding window along each axis. */
function slide(sizes: readonly number[], w: Window, round: (x: number) => number): number[] {
  return sizes.map((size, i) => {
    const stride = w.strides[i]!;
    if (w.autoPad.startsWith('SAME')) return Math.ceil(size / stride);
    const extent = w.dilations[i]! * (w.kernel[i]! - 1) + 1;
    const padding = w.autoPad === 'VALID' ? 0 : w.pads[i]! + w.pads[i + sizes.length]!;
    return round((size + padding - extent) / stride) + 1;
  });
}

const conv: ShapeRule = (call) => {
  const [x, weight] = [call.type(0), call.dims(1)];
  if (!x || !weight) return undefined;
  const [batch, channels, ...sizes] = x.dims;
  if (weight.length !== x.dims.length || channels !== weight[1]! * call.int('group', 1))
    throw call.invalid('the weight does not fit the channels');
  const window = windowOf(call, weight.slice(2));
  return [{ dataType: x.dataType, dims: [batch!, weight[0]!, ...slide(sizes, window, Math.floor)] }];
};

const convTranspose: ShapeRule = (call) => {
  const [x, weight] = [call.type(0), call.dims(1)];
  if (!x || !weight) return undefined;
  const [batch, channels, ...sizes] = x.dims;
  if (channels !== weight[0]) throw call.invalid('the weight does not fit the channels');
  const w = windowOf(call, weight.slice(2));
  const extra = call.ints(
    'output_padding',
    sizes.map(() => 0),
  );
  const grown = sizes.map((size, i) => {
    if (w.autoPad.startsWith('SAME')) return size * w.strides[i]!;
    const extent = w.dilations[i]! * (w.kernel[i]! - 1) + 1;
    return w.strides[i]! * (size - 1) + extra[i]! + extent - w.pads[i]! - w.pads[i + sizes.length]!;
  });
  const dims = [batch!, weight[1]! * call.int('group', 1), ...call.ints('output_shape', grown)];
  return [{ dataType: x.dataType, dims }];
};

const pool: ShapeRule = (call) => {
  const x = call.type(0);
  if (!x) return undefined;
  const sizes = x.dims.slice(2);
  const window = windowOf(call, call.ints('kernel_shape', []));
  const positions = call.int('ceil_mode', 0) ? ceilPositions(sizes, window) : slide(sizes, window, Math.floor);
  const dims = [...x.dims.slice(0, 2), ...positions];
  return [
    { ...x, dims },
    { dataType: 'int64', dims },
  ];
};

/** With ceil_mode a last window that would begin in the padding after the input is left out. */
function ceilPositions(sizes: number[], window: Window): number[] {
  return slide(sizes, window, Math.ceil).map((count, i) =>
    (count - 1) * window.strides[i]! >= sizes[i]! + window.pads[i]! ? count - 1 : count,
  );
}

const globalPool: ShapeRule = (call) => {
  const x = call.type(0);
  return x && [{ ...x, dims: x.dims.map((dim, axis) => (axis < 2 ? dim : 1)) }];
};

/** Operator set 10 has (x, scales); from 11 on (x, roi, scales, sizes). */
const resize: ShapeRule = (call) => {
  const x = call.type(0);
  if (!x || call.string('keep_aspect_ratio_policy', 'stretch') !== 'stretch') return undefined;
  const axes = call.axes(
    call.ints(
      'axes',
      Array.from(x.dims, (_, axis) => axis),
    ),
    x.dims.length,
  );
  if (call.has(3)) return resized(x, axes, call.constantInts(3));
  const scales = call.constantNumbers(call.inputCount === 2 ? 1 : 2);
  // The runtime multiplies in float32.
  return resized(
    x,
    axes,
    scales?.map((scale, i) => Math.floor(Math.fround(scale * x.dims[axes[i]!]!))),
  );
};

function resized(x: StaticType, axes: number[], sizes: number[] | undefined): StaticType[] | undefined {
  return sizes && [{ ...x, dims: x.dims.map((dim, axis) => sizes[axes.indexOf(axis)] ?? dim) }];
}

export const SPATIAL_RULES = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  Resize: resize,
  Upsample: resize,
} satisfies Record<string, ShapeRule>;
