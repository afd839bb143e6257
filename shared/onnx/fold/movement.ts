/** Kernels that move bytes without looking at them. */
import { elementBytes, elementCount } from '../data-type.ts';
import { permutation, sliceRanges, splitSizes } from '../infer/movement.ts';
import type { Call } from '../infer/rule.ts';
import type { Kernel } from './kernel.ts';
import { broadcastStrides, readStrided, rowMajorStrides } from './strided.ts';

/** The bytes of an input, and the size of its elements; `undefined` where elements share bytes. */
function source(call: Call, index: number): { bytes: Uint8Array; size: number; dims: number[] } | undefined {
  const tensor = call.constant(index);
  const size = tensor && elementBytes(tensor.dataType);
  return tensor?.data.kind === 'inline' && size ? { bytes: tensor.data.bytes, size, dims: tensor.dims } : undefined;
}

const sameBytes: Kernel = (call) => {
  const tensor = call.constant(0);
  return tensor?.data.kind === 'inline' ? [tensor.data.bytes] : undefined;
};

const transpose: Kernel = (call, [out]) => {
  const from = source(call, 0);
  if (!from) return undefined;
  const strides = rowMajorStrides(from.dims);
  return [
    readStrided(
      from.bytes,
      from.size,
      out!.dims,
      permutation(call, from.dims.length).map((axis) => strides[axis]!),
    ),
  ];
};

const slice: Kernel = (call, [out]) => {
  const from = source(call, 0);
  const ranges = sliceRanges(call);
  if (!from || !ranges) return undefined;
  const strides = rowMajorStrides(from.dims);
  const start = ranges.reduce((sum, range, axis) => sum + range.start * strides[axis]!, 0);
  return [
    readStrided(
      from.bytes,
      from.size,
      out!.dims,
      ranges.map((range, axis) => range.step * strides[axis]!),
      start,
    ),
  ];
};

const expand: Kernel = (call, [out]) => {
  const from = source(call, 0);
  return from && [readStrided(from.bytes, from.size, out!.dims, broadcastStrides(from.dims, out!.dims))];
};

/** Each axis is read as two: the repeats, with stride 0, and the axis itself. */
const tile: Kernel = (call) => {
  const from = source(call, 0);
  const repeats = call.constantInts(1);
  if (!from || !repeats) return undefined;
  const strides = rowMajorStrides(from.dims);
  const pairs = from.dims.flatMap((dim, axis) => [repeats[axis]!, dim]);
  return [
    readStrided(
      from.bytes,
      from.size,
      pairs,
      strides.flatMap((stride) => [0, stride]),
    ),
  ];
};

const split: Kernel = (call, outputs) => {
  const from = source(call, 0);
  const sizes = from && splitSizes(call, call.type(0)!);
  if (!sizes) return undefined;
  const strides = rowMajorStrides(from.dims);
  const stride = strides[call.axis(call.int('axis', 0), from.dims.length)]!;
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((a, b) => a + b, 0));
  return starts.map((start, i) => readStrided(from.bytes, from.size, outputs[i]!.dims, strides, start * stride));
};

const concat: Kernel = (call, [out]) => {
  const parts = call.node.inputs.map((_, index) => source(call, index));
  if (!parts.every((part) => part !== undefined)) return undefined;
  const axis = call.axis(call.int('axis', 0), out!.dims.length);
  const blocks = elementCount(out!.dims.slice(0, axis));
  const result = new Uint8Array(elementCount(out!.dims) * parts[0]!.size);
  let at = 0;
  for (let block = 0; block < blocks; block++) {
    for (const { bytes } of parts) {
      const length = bytes.length / blocks;
      result.set(bytes.subarray(block * length, (block + 1) * length), at);
      at += length;
    }
  }
  return [result];
};

const gather: Kernel = (call, [out]) => {
  const from = source(call, 0);
  const indices = call.constantInts(1);
  if (!from || !indices) return undefined;
  const axis = call.axis(call.int('axis', 0), from.dims.length);
  const size = from.dims[axis]!;
  const length = elementCount(from.dims.slice(axis + 1)) * from.size;
  const result = new Uint8Array(elementCount(out!.dims) * from.size);
  let at = 0;
  for (let block = 0; block < elementCount(from.dims.slice(0, axis)); block++) {
    for (const index of indices) {
      const begin = (block * size + call.axis(index, size)) * length;
      result.set(from.bytes.subarray(begin, begin + length), at);
      at += length;
    }
  }
  return [result];
};

const constantOfShape: Kernel = (call, [out]) => {
  const value = call.node.attributes.get('value');
  const size = elementBytes(out!.dataType);
  if (!size) return undefined;
  const bytes = value?.kind === 'tensor' && value.value.data.kind === 'inline' ? value.value.data.bytes : new Uint8Array(size);
  return [
    readStrided(
      bytes,
      size,
      out!.dims,
      out!.dims.map(() => 0),
    ),
  ];
};

/** Keeps the upper (or lower) triangle of the last two axes. */
const trilu: Kernel = (call, [out]) => {
  const from = source(call, 0);
  const diagonal = call.has(1) ? call.constantInts(1)?.[0] : 0;
  if (!from || diagonal === undefined) return undefined;
  const [rows, columns] = out!.dims.slice(-2) as [number, number];
  const upper = call.int('upper', 1) === 1;
  const result = from.bytes.slice();
  for (let i = 0; i < elementCount(out!.dims); i++) {
    const beyond = (i % columns) - (Math.floor(i / columns) % rows) - diagonal;
    if (upper ? beyond < 0 : beyond > 0) result.fill(0, i * from.size, (i + 1) * from.size);
  }
  return [result];
};

export const MOVEMENT_KERNELS = {
  Identity: sameBytes,
  Reshape: sameBytes,
  Unsqueeze: sameBytes,
  Squeeze: sameBytes,
  Flatten: sameBytes,
  Transpose: transpose,
  Slice: slice,
  Expand: expand,
  Tile: tile,
  Split: split,
  Concat: concat,
  Gather: gather,
  ConstantOfShape: constantOfShape,
  Trilu: trilu,
} satisfies Record<string, Kernel>;
