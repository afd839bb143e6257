/** Rules of matrix products. */
import { broadcast, type Call, type ShapeRule } from './rule.ts';

const matMul: ShapeRule = (call) => {
  const [a, b] = [call.type(0), call.dims(1)];
  if (!a || !b) return undefined;
  if (a.dims.length === 0 || b.length === 0) throw call.invalid('a scalar has no matrix product');
  // A vector counts as a matrix of one row (left) or one column (right), and its axis is dropped again.
  const left = a.dims.length === 1 ? [1, ...a.dims] : a.dims;
  const right = b.length === 1 ? [...b, 1] : b;
  if (left.at(-1) !== right.at(-2)) throw call.invalid('the inner dimensions differ');
  const batch = broadcast(call, [left.slice(0, -2), right.slice(0, -2)]);
  const rows = a.dims.length === 1 ? [] : [left.at(-2)!];
  const columns = b.length === 1 ? [] : [right.at(-1)!];
  return [{ dataType: a.dataType, dims: [...batch, ...rows, ...columns] }];
};

const gemm: ShapeRule = (call) => {
  const [a, b] = [call.type(0), call.dims(1)];
  if (!a || !b) return undefined;
  const [m, inner] = call.int('transA', 0) ? a.dims.toReversed() : a.dims;
  const [innerB, n] = call.int('transB', 0) ? b.toReversed() : b;
  if (a.dims.length !== 2 || b.length !== 2 || inner !== innerB) throw call.invalid('the matrices do not fit each other');
  return [{ dataType: a.dataType, dims: [m!, n!] }];
};

const einsum: ShapeRule = (call) => {
  const type = call.type(0);
  const shapes = call.node.inputs.map((_, index) => call.dims(index));
  if (!type || !shapes.every((dims) => dims !== undefined)) return undefined;
  const { terms, output } = einsumTerms(call, shapes);
  const sizes = subscriptSizes(call, terms);
  return sizes && [{ dataType: type.dataType, dims: [...output].map((letter) => sizes.get(letter) ?? 1) }];
};

/** The subscripts of an Einsum, a letter an axis: the axes of an ellipsis, aligned at their ends, get letters that the equation does not use. */
export function einsumTerms(call: Call, shapes: readonly (readonly number[])[]): { terms: string[]; output: string } {
  const equation = call.string('equation', '').replaceAll(' ', '');
  const [left, right] = equation.split('->') as [string, string | undefined];
  const written = left.split(',');
  const extents = written.map((term, index) => (term.includes('...') ? shapes[index]!.length - (term.length - 3) : 0));
  const free = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'].filter((letter) => !equation.includes(letter));
  const ellipsis = free.slice(0, Math.max(0, ...extents)).join('');
  const terms = written.map((term, index) => term.replace('...', extents[index]! > 0 ? ellipsis.slice(-extents[index]!) : ''));
  const once = [...new Set(left.replaceAll(/[,.]/g, ''))].filter((letter) => left.split(letter).length === 2);
  return { terms, output: right?.replace('...', ellipsis) ?? ellipsis + once.toSorted().join('') };
}

function subscriptSizes(call: Call, terms: readonly string[]): Map<string, number> | undefined {
  const sizes = new Map<string, number>();
  for (const [index, term] of terms.entries()) {
    const dims = call.dims(index);
    if (!dims) return undefined;
    if (dims.length !== term.length) throw call.invalid(`the subscripts ${term} do not fit input ${index}`);
    for (const [axis, letter] of [...term].entries()) {
      const known = sizes.get(letter) ?? 1;
      if (known !== 1 && dims[axis] !== 1 && dims[axis] !== known) throw call.invalid(`the subscript ${letter} has two sizes`);
      sizes.set(letter, Math.max(known, dims[axis]!));
    }
  }
  return sizes;
}

/** A quantised weight [N, K] in blocks: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md */
const matMulNBits: ShapeRule = (call) => {
  const type = call.type(0);
  return type && [{ dataType: type.dataType, dims: [...type.dims.slice(0, -1), call.int('N', 0)] }];
};

export const MATRIX_RULES = {
  MatMul: matMul,
  Gemm: gemm,
  Einsum: einsum,
  'com.microsoft.MatMulNBits': matMulNBits,
} satisfies Record<string, ShapeRule>;
