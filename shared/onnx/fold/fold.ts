import { byteLength } from '../data-type.ts';
import { sliceRange } from '../infer/slice-range.ts';
import type { Call, StaticType } from '../infer/rule.ts';
import { int64Tensor, type Tensor } from '../ir.ts';
import { ARITHMETIC_KERNELS } from './arithmetic.ts';
import { CAST_KERNELS } from './cast.ts';
import type { Kernel } from './kernel.ts';
import { LOGIC_KERNELS } from './logic.ts';
import { MOVEMENT_KERNELS } from './movement.ts';
import { REDUCE_KERNELS } from './reduce.ts';

const KERNELS = new Map<string, Kernel>(
  [ARITHMETIC_KERNELS, CAST_KERNELS, LOGIC_KERNELS, MOVEMENT_KERNELS, REDUCE_KERNELS].flatMap((kernels) => Object.entries<Kernel>(kernels)),
);

/** Folding may make a constant larger than its sources up to here: masks and tables yes, whole activations no. */
const FLOAT_GROWTH_LIMIT = 1 << 20;
/** Integers and booleans are folded almost whatever their size: arithmetic on them leaves the GPU. */
const INTEGER_GROWTH_LIMIT = 1 << 26;
/** Half-precision constants of fewer bytes are widened when folding; larger ones keep the Cast that halves their download. */
export const HALF_WEIGHT_BYTES = 1024;

/** The outputs of a node that does not depend on the graph's inputs, as tensors; `undefined` where it has to stay. */
export function fold(call: Call, types: readonly StaticType[]): Tensor[] | undefined {
  if (call.node.domain !== '') return undefined;
  const shape = foldShape(call);
  if (shape) return [shape];
  const kernel = KERNELS.get(call.node.opType);
  const sources = call.node.inputs.flatMap((_, index) => (call.has(index) ? [call.constant(index)] : []));
  if (!kernel || !sources.every((source) => source?.data.kind === 'inline') || !isWorthwhile(sources as Tensor[], types)) return undefined;
  return kernel(call, types)?.map((bytes, index) => ({ ...types[index]!, data: { kind: 'inline', bytes } }));
}

/** Shape and Size need their input's type only. */
function foldShape(call: Call): Tensor | undefined {
  const dims = call.dims(0);
  if (!dims) return undefined;
  if (call.node.opType === 'Size') return int64Tensor([], [dims.reduce((a, b) => a * b, 1)]);
  if (call.node.opType !== 'Shape') return undefined;
  const { start, count } = sliceRange(call.int('start', 0), call.int('end', dims.length), 1, dims.length);
  return int64Tensor([count], dims.slice(start, start + count));
}

function isWorthwhile(sources: readonly Tensor[], outputs: readonly StaticType[]): boolean {
  const before = sum(sources);
  const after = sum(outputs);
  const widened = sources.some(isHalf) && !outputs.some(isHalf);
  if (widened) return before < HALF_WEIGHT_BYTES;
  const limit = outputs.some((type) => type.dataType.includes('float')) ? FLOAT_GROWTH_LIMIT : INTEGER_GROWTH_LIMIT;
  return after <= Math.max(before, limit);
}

function isHalf({ dataType }: { dataType: string }): boolean {
  return dataType === 'float16' || dataType === 'bfloat16';
}

function sum(types: readonly StaticType[]): number {
  return types.reduce((bytes, { dataType, dims }) => bytes + byteLength(dataType, dims), 0);
}
