import type { Call, StaticType } from './infer/rule.ts';
import { sliceRanges, permutation } from './infer/movement.ts';

/** Whether the first output of a node is always its first input: such a node can go. */
export function passesThrough(call: Call, output: StaticType | undefined): boolean {
  const { domain, opType, outputs } = call.node;
  if (domain !== '') return false;
  const input = call.type(0);
  switch (opType) {
    case 'Identity':
      return true;
    case 'Dropout':
      // Training needs both an opted-in mode and a mask that is read.
      return (outputs[1] ?? '') === '' && (!call.has(2) || call.constantNumbers(2)?.[0] === 0);
    case 'Cast':
    case 'CastLike':
      return input !== undefined && input.dataType === output?.dataType;
    case 'Concat':
      return call.inputCount === 1;
    case 'Reshape':
    case 'Flatten':
    case 'Squeeze':
    case 'Unsqueeze':
    case 'Expand':
    case 'Tile':
      return sameDims(input, output);
    case 'Transpose':
      return input !== undefined && permutation(call, input.dims.length).every((axis, i) => axis === i);
    case 'Slice':
      return sameDims(input, output) && sliceRanges(call)!.every(({ step }) => step === 1);
    default:
      return false;
  }
}

function sameDims(a: StaticType | undefined, b: StaticType | undefined): boolean {
  return a !== undefined && b !== undefined && a.dims.length === b.dims.length && a.dims.every((dim, axis) => dim === b.dims[axis]);
}
