/** Products of matrices. */
import { float, int, string } from '../../onnx/ir.ts';
import { einsumTerms } from '../../onnx/infer/matrix.ts';
import type { Backward, VjpRule } from '../backward.ts';

/** The last two axes exchanged. */
function swapped(g: Backward, value: string, rank: number): string {
  const perm = Array.from({ length: rank }, (_, axis) => axis);
  [perm[rank - 2], perm[rank - 1]] = [rank - 1, rank - 2];
  return g.transpose(value, perm);
}

/** dA = dY B^T, dB = A^T dY; a vector is a matrix of one row (left) or column (right). */
export const MatMul: VjpRule = {
  vjp: (g, i) => {
    const [a, b] = [g.shape(0), g.shape(1)];
    const asMatrix = (index: number, dims: number[], vector: number[]) => (dims.length === 1 ? g.reshape(g.x(index), vector) : g.x(index));
    const left = asMatrix(0, a, [1, a[0]!]);
    const right = asMatrix(1, b, [b[0]!, 1]);
    const rows = a.length === 1 ? [1] : [a.at(-2)!];
    const columns = b.length === 1 ? [1] : [b.at(-1)!];
    const batch = g.yShape().slice(0, g.yShape().length - (a.length > 1 ? 1 : 0) - (b.length > 1 ? 1 : 0));
    const dy = a.length === 1 || b.length === 1 ? g.reshape(g.dy, [...batch, ...rows, ...columns]) : g.dy;
    if (i === 0) {
      const da = g.matmul(dy, swapped(g, right, Math.max(2, b.length)));
      return a.length === 1 ? g.reshape(g.sum(da, batch.map((_, axis) => axis), false), a) : da; // prettier-ignore
    }
    const db = g.matmul(swapped(g, left, Math.max(2, a.length)), dy);
    return b.length === 1 ? g.reshape(g.sum(db, batch.map((_, axis) => axis), false), b) : db; // prettier-ignore
  },
};

/** Y = alpha A' B' + beta C, A' and B' transposed where the attributes say so. */
export const Gemm: VjpRule = {
  vjp: (g, i) => {
    if (i === 2) return g.scale(g.dy, g.float('beta', 1));
    const [transA, transB] = [g.int('transA', 0), g.int('transB', 0)];
    const gemm = (a: string, b: string, ta: number, tb: number) =>
      g.emit('Gemm', [a, b], { transA: int(ta), transB: int(tb), alpha: float(g.float('alpha', 1)) });
    if (i === 0) return transA ? gemm(g.x(1), g.dy, transB, 1) : gemm(g.dy, g.x(1), 0, 1 - transB);
    return transB ? gemm(g.dy, g.x(0), 1, transA) : gemm(g.x(0), g.dy, 1 - transA, 0);
  },
};

/** The gradient of an operand is the product of the others with dY, its own letters as the result; letters that only it has are copied along. */
export const Einsum: VjpRule = {
  vjp: (g, i) => {
    const shapes = g.node.inputs.map((_, index) => g.shape(index));
    const { terms, output } = einsumTerms(g, shapes);
    if (terms.some((term) => new Set(term).size < term.length)) {
      throw g.invalid(`the gradient of the equation ${g.string('equation', '')} is not supported: no operand may have a letter twice`);
    }
    const own = terms[i]!;
    const others = [...terms.keys()].filter((index) => index !== i);
    const known = new Set(output + others.map((index) => terms[index]!).join(''));
    const kept = [...own].filter((letter) => known.has(letter)).join('');
    const sources = [output, ...others.map((index) => terms[index]!)].join(',');
    const operands = [g.dy, ...others.map((index) => g.x(index))];
    const gradient = g.emit('Einsum', operands, { equation: string(`${sources}->${kept}`) });
    return kept === own ? gradient : g.reshape(gradient, g.shape(i).map((size, axis) => (known.has(own[axis]!) ? size : 1))); // prettier-ignore
  },
};
