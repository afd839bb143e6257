/** The elements of inline tensors, exactly: int64 as bigint, float16 through float32. */
import { fromFloat16, toFloat16 } from './float16.ts';
import type { DataType, Tensor } from './ir.ts';

export type Elements =
  | Float32Array
  | Float64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint32Array
  | Uint16Array
  | Uint8Array
  | BigInt64Array
  | BigUint64Array;

/** Types whose elements this module reads and writes; the rest (4-bit integers, bfloat16, strings) only moves as bytes or not at all. */
const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint64: BigUint64Array,
  uint32: Uint32Array,
  uint16: Uint16Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

/** The elements of a tensor, row-major; `undefined` for one that is not here or not of a readable type. */
export function elements(tensor: Tensor): Elements | undefined {
  if (tensor.data.kind === 'external') return undefined;
  const { bytes } = tensor.data;
  if (tensor.dataType === 'float16') return fromFloat16(aligned(Uint16Array, bytes));
  const array = arrayOf(tensor.dataType);
  return array && aligned<Elements>(array, bytes);
}

/** Elements as the bytes of `dataType`: floats are rounded, integers wrap around as they do in C. */
export function toBytes(dataType: DataType, values: readonly number[] | readonly bigint[] | Elements): Uint8Array | undefined {
  if (dataType === 'float16') return new Uint8Array(toFloat16(Array.from(values, Number)).buffer);
  const array = arrayOf(dataType);
  if (!array) return undefined;
  if (array === BigInt64Array || array === BigUint64Array) return new Uint8Array(array.from(values as readonly bigint[]).buffer);
  return new Uint8Array((array as typeof Float64Array).from(values as readonly number[]).buffer);
}

export function isInteger(dataType: DataType): boolean {
  return /^u?int/.test(dataType);
}

export function isFloat(dataType: DataType): boolean {
  return /float/.test(dataType);
}

interface ArrayKind<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
}

/** A typed view of `bytes`, or of a copy where they are not aligned for one. */
export function aligned<T>(kind: ArrayKind<T>, bytes: Uint8Array): T {
  const at = bytes.byteOffset % kind.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice();
  return new kind(at.buffer, at.byteOffset, at.byteLength / kind.BYTES_PER_ELEMENT);
}

function arrayOf(dataType: DataType) {
  return dataType in ARRAYS ? ARRAYS[dataType as keyof typeof ARRAYS] : undefined;
}
