/** Row-major memory read with strides: what transposing, slicing, expanding and tiling have in common. */
import { aligned } from '../constant-values.ts';
import { elementCount } from '../data-type.ts';

type Words = Uint8Array | Uint16Array | Uint32Array | BigUint64Array;

/** The distance between neighbours along each axis, in elements. */
export function rowMajorStrides(dims: readonly number[]): number[] {
  return dims.map((_, axis) => elementCount(dims.slice(axis + 1)));
}

/** Strides that read a tensor of `dims` as one of `target`: 0 along each axis where it repeats. */
export function broadcastStrides(dims: readonly number[], target: readonly number[]): number[] {
  const strides = rowMajorStrides(dims);
  const missing = target.length - dims.length;
  return target.map((_, axis) => (axis < missing || dims[axis - missing] === 1 ? 0 : strides[axis - missing]!));
}

/** A new tensor of `dims` whose element at (i, j, ...) is that at `start + i * strides[0] + j * strides[1] + ...` of `source`. */
export function readStrided(
  source: Uint8Array,
  elementBytes: number,
  dims: readonly number[],
  strides: readonly number[],
  start = 0,
): Uint8Array {
  const from = words(source, elementBytes);
  const to = words(new Uint8Array(elementCount(dims) * elementBytes), elementBytes);
  const [rows, columns] = [dims.slice(0, -1), dims.at(-1) ?? 1];
  const step = strides.at(-1) ?? 0;
  const index = rows.map(() => 0);
  let base = start;
  for (let at = 0; at < to.length; at += columns) {
    for (let column = 0; column < columns; column++) to[at + column] = from[base + column * step]!;
    for (let axis = rows.length - 1; axis >= 0; axis--) {
      base += strides[axis]!;
      if (++index[axis]! < rows[axis]!) break;
      base -= strides[axis]! * rows[axis]!;
      index[axis] = 0;
    }
  }
  return new Uint8Array(to.buffer);
}

function words(bytes: Uint8Array, elementBytes: number): Words {
  switch (elementBytes) {
    case 2:
      return aligned(Uint16Array, bytes);
    case 4:
      return aligned(Uint32Array, bytes);
    case 8:
      return aligned(BigUint64Array, bytes);
    default:
      return aligned(Uint8Array, bytes);
  }
}
