/**
 * Kernels that compute. Integers are computed as bigints, which makes int64 exact; floats in double precision, rounded once.
 */
import { isFloat, isInteger, toBytes } from '../constant-values.ts';
import type { Call } from '../infer/rule.ts';
import type { Kernel } from './kernel.ts';
import { broadcastElements, integerBytes, toBigInts, toNumbers } from './operands.ts';

/** What an operator does to one element of each input, by kind of type; unary ones ignore `b`. */
interface Operation {
  integer?: (a: bigint, b: bigint) => bigint;
  float?: (a: number, b: number) => number;
}

/** Combines all inputs from the left (Min, Max and Sum take any number of them). */
function combine({ integer, float }: Operation): Kernel {
  return (call, [out]) => {
    const { dataType, dims } = out!;
    const inputs = call.node.inputs.map((_, index) => broadcastElements(call, index, dims));
    if (!inputs.every((input) => input !== undefined)) return undefined;
    if (integer && isInteger(dataType)) return wrap(integerBytes(dataType, reduceElements(inputs.map(toBigInts), integer)));
    if (float && isFloat(dataType)) return wrap(toBytes(dataType, reduceElements(inputs.map(toNumbers), float)));
    return undefined;
  };
}

function reduceElements<T>(inputs: readonly T[][], operation: (a: T, b: T) => T): T[] {
  const [first, ...rest] = inputs;
  return rest.reduce((a, b) => a.map((x, i) => operation(x, b[i]!)), first!);
}

function map({ integer, float }: { integer?: (x: bigint) => bigint; float?: (x: number) => number }): Kernel {
  return (call, [out]) => {
    const { dataType, dims } = out!;
    const input = broadcastElements(call, 0, dims);
    if (!input) return undefined;
    if (integer && isInteger(dataType)) return wrap(integerBytes(dataType, toBigInts(input).map(integer)));
    if (float && isFloat(dataType)) return wrap(toBytes(dataType, toNumbers(input).map(float)));
    return undefined;
  };
}

function wrap(bytes: Uint8Array | undefined): Uint8Array[] | undefined {
  return bytes && [bytes];
}

/** Declines where the right operand does not satisfy `test`: an integer division by zero is the runtime's to report. */
function onlyIf(test: (right: readonly number[], call: Call) => boolean, kernel: Kernel): Kernel {
  return (call, outputs) => {
    const right = call.constantNumbers(1);
    return right && test(right, call) ? kernel(call, outputs) : undefined;
  };
}

const floats = (call: Call) => isFloat(call.type(0)!.dataType);

const divide = onlyIf((right, call) => floats(call) || !right.includes(0), combine({ integer: (a, b) => a / b, float: (a, b) => a / b }));

/** The sign of the divisor, as in Python; with `fmod` that of the dividend, as in C. */
const modulo = onlyIf(
  (right, call) => floats(call) || !right.includes(0),
  (call, outputs) => {
    const asInC = call.int('fmod', 0) === 1;
    if (asInC) return combine({ integer: (a, b) => a % b, float: (a, b) => a % b })(call, outputs);
    return combine({ integer: (a, b) => ((a % b) + b) % b })(call, outputs);
  },
);

const power = onlyIf(
  (right, call) => floats(call) || right.every((x) => Number.isInteger(x) && x >= 0),
  combine({ integer: (a, b) => a ** b, float: (a, b) => a ** b }),
);

function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

export const ARITHMETIC_KERNELS = {
  Add: combine({ integer: (a, b) => a + b, float: (a, b) => a + b }),
  Sum: combine({ float: (a, b) => a + b }),
  Sub: combine({ integer: (a, b) => a - b, float: (a, b) => a - b }),
  Mul: combine({ integer: (a, b) => a * b, float: (a, b) => a * b }),
  Div: divide,
  Mod: modulo,
  Pow: power,
  Min: combine({ integer: (a, b) => (b < a ? b : a), float: Math.min }),
  Max: combine({ integer: (a, b) => (b > a ? b : a), float: Math.max }),
  Neg: map({ integer: (x) => -x, float: (x) => -x }),
  Abs: map({ integer: (x) => (x < 0n ? -x : x), float: Math.abs }),
  Sign: map({ integer: (x) => (x > 0n ? 1n : x < 0n ? -1n : 0n), float: Math.sign }),
  Floor: map({ float: Math.floor }),
  Ceil: map({ float: Math.ceil }),
  Round: map({ float: roundHalfEven }),
  Sqrt: map({ float: Math.sqrt }),
  Reciprocal: map({ float: (x) => 1 / x }),
  Exp: map({ float: Math.exp }),
  Log: map({ float: Math.log }),
  Sin: map({ float: Math.sin }),
  Cos: map({ float: Math.cos }),
  Tanh: map({ float: Math.tanh }),
  Sigmoid: map({ float: (x) => 1 / (1 + Math.exp(-x)) }),
} satisfies Record<string, Kernel>;
