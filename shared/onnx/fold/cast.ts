import { elements, isFloat, isInteger, toBytes } from '../constant-values.ts';
import type { Kernel } from './kernel.ts';
import { integerBytes, toBigInts, toNumbers } from './operands.ts';

/** Floats become integers by truncation; one that no int64 holds is undefined behaviour in C, so the node is left alone. */
const cast: Kernel = (call, [out]) => {
  const tensor = call.constant(0);
  const values = tensor && elements(tensor);
  if (!values) return undefined;
  if (out!.dataType === 'bool') return [Uint8Array.from(toNumbers(values), (x) => Number(x !== 0))];
  if (!isInteger(out!.dataType)) return wrap(toBytes(out!.dataType, toNumbers(values)));
  if (!isFloat(tensor.dataType)) return wrap(integerBytes(out!.dataType, toBigInts(values)));
  const whole = toNumbers(values).map(Math.trunc);
  if (!whole.every((x) => Math.abs(x) < 2 ** 63)) return undefined;
  return wrap(integerBytes(out!.dataType, whole.map(BigInt)));
};

function wrap(bytes: Uint8Array | undefined): Uint8Array[] | undefined {
  return bytes && [bytes];
}

export const CAST_KERNELS = { Cast: cast, CastLike: cast } satisfies Record<string, Kernel>;
