/** Kernels of comparisons, booleans and choice. */
import { elementBytes } from '../data-type.ts';
import type { Kernel } from './kernel.ts';
import { broadcastBytes, broadcastElements } from './operands.ts';

type Scalar = number | bigint;

function compare(holds: (a: Scalar, b: Scalar) => boolean): Kernel {
  return (call, [out]) => {
    const [a, b] = [broadcastElements(call, 0, out!.dims), broadcastElements(call, 1, out!.dims)];
    return a && b && [Uint8Array.from(a as Iterable<Scalar>, (x, i) => Number(holds(x, b[i]!)))];
  };
}

const not: Kernel = (call, [out]) => {
  const input = broadcastElements(call, 0, out!.dims);
  return input && [Uint8Array.from(input as Uint8Array, (x) => Number(x === 0))];
};

const where: Kernel = (call, [out]) => {
  const condition = broadcastElements(call, 0, out!.dims);
  const [yes, no] = [broadcastBytes(call, 1, out!.dims), broadcastBytes(call, 2, out!.dims)];
  if (!condition || !yes || !no) return undefined;
  const size = elementBytes(out!.dataType);
  const result = no.slice();
  condition.forEach((x: Scalar, i: number) => {
    if (x) result.set(yes.subarray(i * size, (i + 1) * size), i * size);
  });
  return [result];
};

export const LOGIC_KERNELS = {
  Equal: compare((a, b) => a === b),
  Less: compare((a, b) => a < b),
  LessOrEqual: compare((a, b) => a <= b),
  Greater: compare((a, b) => a > b),
  GreaterOrEqual: compare((a, b) => a >= b),
  And: compare((a, b) => Boolean(a) && Boolean(b)),
  Or: compare((a, b) => Boolean(a) || Boolean(b)),
  Xor: compare((a, b) => Boolean(a) !== Boolean(b)),
  Not: not,
  Where: where,
} satisfies Record<string, Kernel>;
