import type { GraphBuilder } from '../onnx/builder.ts';

/** What an image encoder wants: pixels of this size, x / 2 + 1 / 2 of a picture in [-1, 1], each channel less its mean over its deviation. */
export interface Preprocessing {
  height: number;
  width: number;
  mean: readonly number[];
  std: readonly number[];
}

/**
 * Emits the differentiable preprocessing of a picture [1, 3, height, width] in [-1, 1] (`docs/method.md`, section 2): bilinear resizing (half-pixel, no
 * antialiasing) as two products with constant matrices, then mean and deviation. No clamp: it would cut the gradient.
 */
export function emitPreprocess(builder: GraphBuilder, image: string, from: { height: number; width: number }, to: Preprocessing): string {
  const unit = builder.add('Add', 'unit', [builder.add('Mul', 'half', [image, builder.floats([1], [0.5])]), builder.floats([1], [0.5])]);
  const rows = builder.floats([to.height, from.height], bilinear(from.height, to.height));
  const columns = builder.floats([from.width, to.width], transposed(bilinear(from.width, to.width), to.width, from.width));
  const resized = builder.add('MatMul', 'columns', [builder.add('MatMul', 'rows', [rows, unit]), columns]);
  const centred = builder.add('Sub', 'centred', [resized, builder.floats([1, 3, 1, 1], to.mean)]);
  return builder.add('Div', 'pixels', [centred, builder.floats([1, 3, 1, 1], to.std)]);
}

/** [out, size], row-major: each row the two weights of one output element. */
function bilinear(size: number, out: number): number[] {
  const matrix = Array<number>(out * size).fill(0);
  for (let at = 0; at < out; at++) {
    const position = Math.max(0, ((at + 0.5) * size) / out - 0.5);
    const low = Math.min(size - 1, Math.floor(position));
    const part = position - low;
    matrix[at * size + low]! += 1 - part;
    matrix[at * size + Math.min(size - 1, low + 1)]! += part;
  }
  return matrix;
}

const transposed = (matrix: readonly number[], rows: number, columns: number): number[] =>
  Array.from({ length: rows * columns }, (_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]!);
