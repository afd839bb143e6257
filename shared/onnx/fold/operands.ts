import { type Elements, elements, toBytes } from '../constant-values.ts';
import { elementBytes } from '../data-type.ts';
import type { DataType } from '../ir.ts';
import type { Call } from '../infer/rule.ts';
import { broadcastStrides, readStrided } from './strided.ts';

/** The bytes of a constant input repeated to `dims`. */
export function broadcastBytes(call: Call, index: number, dims: readonly number[]): Uint8Array | undefined {
  const tensor = call.constant(index);
  const size = tensor && elementBytes(tensor.dataType);
  if (tensor?.data.kind !== 'inline' || !size) return undefined;
  return readStrided(tensor.data.bytes, size, dims, broadcastStrides(tensor.dims, dims));
}

/** The elements of a constant input repeated to `dims`. */
export function broadcastElements(call: Call, index: number, dims: readonly number[]): Elements | undefined {
  const bytes = broadcastBytes(call, index, dims);
  return bytes && elements({ dataType: call.constant(index)!.dataType, dims: [...dims], data: { kind: 'inline', bytes } });
}

export function toNumbers(values: Elements): number[] {
  return Array.from<number | bigint, number>(values, Number);
}

export function toBigInts(values: Elements): bigint[] {
  return Array.from<number | bigint, bigint>(values, BigInt);
}

/** Integers as bytes of their type, modulo its width as in C. */
export function integerBytes(dataType: DataType, values: readonly bigint[]): Uint8Array | undefined {
  const wide = dataType === 'int64' || dataType === 'uint64';
  return toBytes(dataType, wide ? values : values.map((value) => Number(BigInt.asIntN(32, value))));
}
