/** Kernels over ranges: reductions and the making of one. Exports reduce shapes ("how many elements") and count positions. */
import { elements, isInteger, toBytes } from '../constant-values.ts';
import { elementBytes, elementCount } from '../data-type.ts';
import { reducedAxes } from '../infer/reduce.ts';
import type { Kernel } from './kernel.ts';
import { integerBytes, toBigInts, toNumbers } from './operands.ts';
import { readStrided, rowMajorStrides } from './strided.ts';

function reduce(integer: (a: bigint, b: bigint) => bigint, float: (a: number, b: number) => number): Kernel {
  return (call, [out]) => {
    const tensor = call.constant(0);
    const axes = tensor && reducedAxes(call, tensor.dims.length);
    const size = tensor && elementBytes(tensor.dataType);
    if (tensor?.data.kind !== 'inline' || !axes || !size) return undefined;
    // The reduced axes last: then each output element is a run of `length` input elements.
    const order = [...tensor.dims.keys()].toSorted((a, b) => Number(axes.includes(a)) - Number(axes.includes(b)) || a - b);
    const dims = order.map((axis) => tensor.dims[axis]!);
    const strides = rowMajorStrides(tensor.dims);
    const bytes = readStrided(
      tensor.data.bytes,
      size,
      dims,
      order.map((axis) => strides[axis]!),
    );
    const values = elements({ ...tensor, dims, data: { kind: 'inline', bytes } });
    const count = elementCount(out!.dims);
    const length = elementCount(axes.map((axis) => tensor.dims[axis]!));
    if (!values || length === 0) return undefined;
    const result = isInteger(tensor.dataType)
      ? integerBytes(out!.dataType, reduceRuns(toBigInts(values), count, length, integer))
      : toBytes(out!.dataType, reduceRuns(toNumbers(values), count, length, float));
    return result && [result];
  };
}

function reduceRuns<T>(values: readonly T[], count: number, length: number, operation: (a: T, b: T) => T): T[] {
  return Array.from({ length: count }, (_, i) => values.slice(i * length, (i + 1) * length).reduce((a, b) => operation(a, b)));
}

const range: Kernel = (call, [out]) => {
  const [start, delta] = [call.constant(0), call.constant(2)].map((tensor) => tensor && elements(tensor));
  if (!start || !delta) return undefined;
  const count = out!.dims[0]!;
  const bytes = isInteger(out!.dataType)
    ? integerBytes(
        out!.dataType,
        Array.from({ length: count }, (_, i) => BigInt(start[0]!) + BigInt(i) * BigInt(delta[0]!)),
      )
    : toBytes(
        out!.dataType,
        Array.from({ length: count }, (_, i) => Number(start[0]) + i * Number(delta[0])),
      );
  return bytes && [bytes];
};

export const REDUCE_KERNELS = {
  ReduceSum: reduce(
    (a, b) => a + b,
    (a, b) => a + b,
  ),
  ReduceProd: reduce(
    (a, b) => a * b,
    (a, b) => a * b,
  ),
  ReduceMin: reduce((a, b) => (b < a ? b : a), Math.min),
  ReduceMax: reduce((a, b) => (b > a ? b : a), Math.max),
  Range: range,
} satisfies Record<string, Kernel>;
