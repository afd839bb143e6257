/** Element types: their number in `TensorProto.DataType` and their size. */
import type { DataType } from './ir.ts';

/** [number in the file, bits an element]. A string has no fixed size and is known as the type of a value only. */
const DATA_TYPES: Record<DataType, readonly [code: number, bits: number]> = {
  float32: [1, 32],
  uint8: [2, 8],
  int8: [3, 8],
  uint16: [4, 16],
  int16: [5, 16],
  int32: [6, 32],
  int64: [7, 64],
  string: [8, 0],
  bool: [9, 8],
  float16: [10, 16],
  float64: [11, 64],
  uint32: [12, 32],
  uint64: [13, 64],
  bfloat16: [16, 16],
  uint4: [21, 4],
  int4: [22, 4],
};

/** Types that files may hold and the IR does not, for messages that name them. */
const FOREIGN: Record<number, string> = {
  14: 'complex64',
  15: 'complex128',
  17: 'float8e4m3fn',
  18: 'float8e4m3fnuz',
  19: 'float8e5m2',
  20: 'float8e5m2fnuz',
  23: 'float4e2m1',
};

const BY_CODE = new Map(Object.entries(DATA_TYPES).map(([name, [code]]) => [code, name as DataType]));

/** `undefined` for a type that the IR does not carry. */
export function dataTypeOf(code: number): DataType | undefined {
  return BY_CODE.get(code);
}

/** What to call a type in a message, whether or not the IR carries it. */
export function describeCode(code: number): string {
  return BY_CODE.get(code) ?? FOREIGN[code] ?? `number ${code}`;
}

export function codeOf(dataType: DataType): number {
  return DATA_TYPES[dataType][0];
}

export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** Bytes of one element; 0 where elements share a byte or have no fixed size. */
export function elementBytes(dataType: DataType): number {
  return Math.floor(DATA_TYPES[dataType][1] / 8);
}

/** Bytes of a tensor; two 4-bit elements share one. */
export function byteLength(dataType: DataType, dims: readonly number[]): number {
  return Math.ceil((elementCount(dims) * DATA_TYPES[dataType][1]) / 8);
}
