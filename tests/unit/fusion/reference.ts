/** The method's formulas written down plainly, in double precision, over [positions][channels]: what the rewritten graphs must agree with. */

export type Matrix = number[][];

export function matrix(values: ArrayLike<number>, columns: number): Matrix {
  return Array.from({ length: values.length / columns }, (_, row) =>
    Array.from({ length: columns }, (_, column) => values[row * columns + column]!),
  );
}

/** a [n, k] times b transposed, b [m, k]. */
export function timesTransposed(a: Matrix, b: Matrix): Matrix {
  return a.map((row) => b.map((other) => row.reduce((sum, value, i) => sum + value * other[i]!, 0)));
}

/** The divergence of softmax(y0) and softmax(y0 + d) over one row, by the definition and not by the closed form of the graph. */
export function divergence(y0: number[], d: number[], direction: 'forward' | 'reverse' | 'symmetric' = 'forward'): number {
  const [logP, logQ] = [logSoftmax(y0), logSoftmax(y0.map((value, c) => value + d[c]!))];
  const from = (a: number[], b: number[]) => a.reduce((sum, value, c) => sum + Math.exp(value) * (value - b[c]!), 0);
  return (direction === 'reverse' ? 0 : from(logP, logQ)) + (direction === 'forward' ? 0 : from(logQ, logP));
}

/** Mean over positions of KL(softmax(y0) || softmax(y0 + d)). */
export const klDivergence = (y0: Matrix, d: Matrix): number => mean(y0.map((row, n) => divergence(row, d[n]!)));

function logSoftmax(row: number[]): number[] {
  const top = Math.max(...row);
  const log = Math.log(row.reduce((sum, value) => sum + Math.exp(value - top), 0));
  return row.map((value) => value - top - log);
}

/** y0 + g_subject d_subject + g_style d_style. */
export function fused(y0: Matrix, deltas: readonly [Matrix, Matrix], gates: readonly [number, number]): Matrix {
  return y0.map((row, n) => row.map((value, c) => value + gates[0] * deltas[0][n]![c]! + gates[1] * deltas[1][n]![c]!));
}

/** Patches of a [N, C, H, W] image, one row [C*kh*kw] for each output position, in the order of a Conv's output positions. */
export function patches(
  image: ArrayLike<number>,
  [n, channels, height, width]: number[],
  kernel: number,
  stride: number,
  pad: number,
): Matrix {
  const rows: Matrix = [];
  const size = (extent: number) => Math.floor((extent + 2 * pad - kernel) / stride) + 1;
  for (let batch = 0; batch < n!; batch++)
    for (let oy = 0; oy < size(height!); oy++)
      for (let ox = 0; ox < size(width!); ox++) {
        const row: number[] = [];
        for (let c = 0; c < channels!; c++)
          for (let ky = 0; ky < kernel; ky++)
            for (let kx = 0; kx < kernel; kx++) {
              const [y, x] = [oy * stride + ky - pad, ox * stride + kx - pad];
              const inside = y >= 0 && y < height! && x >= 0 && x < width!;
              row.push(inside ? image[((batch * channels! + c) * height! + y) * width! + x]! : 0);
            }
        rows.push(row);
      }
  return rows;
}

/** A Conv's output [N, C, positions] as [N*positions][C]. */
export function channelsLast(values: ArrayLike<number>, n: number, channels: number): Matrix {
  const positions = values.length / n / channels;
  return Array.from({ length: n * positions }, (_, row) =>
    Array.from({ length: channels }, (_, c) => values[(Math.floor(row / positions) * channels + c) * positions + (row % positions)]!),
  );
}

/** Mean Euclidean length of d over positions. */
export function l2Length(_: Matrix, d: Matrix): number {
  return mean(d.map((row) => Math.hypot(...row)));
}

/** Mean 1 - cos(y0, y0 + d) over positions. */
export function cosineTurn(y0: Matrix, d: Matrix): number {
  return mean(
    y0.map((row, n) => {
      const changed = row.map((value, c) => value + d[n]![c]!);
      const dot = row.reduce((sum, value, c) => sum + value * changed[c]!, 0);
      return 1 - dot / (Math.hypot(...row) * Math.hypot(...changed));
    }),
  );
}

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
