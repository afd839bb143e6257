import type { Backward } from './backward.ts';

/**
 * The matrix [out, size], row-major, by which Resize maps one axis of `size` elements to `out` (https://onnx.ai/onnx/operators/onnx__Resize.html).
 */
export function interpolation(g: Backward, axis: number, size: number, out: number): number[] {
  const mode = g.string('mode', 'nearest');
  const scale = scaleOf(g, axis, size, out);
  const matrix = Array<number>(out * size).fill(0);
  for (let at = 0; at < out; at++) {
    const position = original(g, at, size, out, scale);
    const row = at * size;
    if (mode === 'nearest') {
      matrix[row + clamp(nearest(g, position), size)] = 1;
      continue;
    }
    for (const [index, weight] of weights(g, mode, position, scale, size)) matrix[row + clamp(index, size)]! += weight;
  }
  return matrix;
}

/** The elements around a position by their weight, of which those outside count for the edge or not at all. Antialiasing widens the filter when shrinking. */
function weights(g: Backward, mode: string, position: number, scale: number, size: number): [index: number, weight: number][] {
  const filter = mode === 'cubic' ? cubic(g.float('cubic_coeff_a', -0.75)) : linear;
  const stretch = g.int('antialias', 0) === 1 ? Math.max(1, 1 / scale) : 1;
  const reach = (mode === 'cubic' ? 2 : 1) * stretch;
  const first = Math.ceil(position - reach);
  const count = Math.floor(position + reach) - first + 1;
  const inside = (index: number) => index >= 0 && index < size;
  const excluded = mode === 'cubic' && g.int('exclude_outside', 0) === 1;
  const found = Array.from({ length: count }, (_, k): [number, number] => [
    first + k,
    filter(Math.abs(first + k - position) / stretch),
  ]).filter(([index]) => !excluded || inside(index));
  const total = found.reduce((sum, [, weight]) => sum + weight, 0);
  return found.map(([index, weight]) => [index, weight / total]);
}

const linear = (distance: number): number => Math.max(0, 1 - distance);

/** Keys 1981, equation 15, with the coefficient a. */
const cubic =
  (a: number) =>
  (distance: number): number => {
    if (distance <= 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
    return distance < 2 ? ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a : 0;
  };

const clamp = (index: number, size: number): number => Math.min(size - 1, Math.max(0, index));

/** The scale as given, where it is: it need not be the ratio of the sizes. */
function scaleOf(g: Backward, axis: number, size: number, out: number): number {
  const scales = g.has(2) ? g.constantNumbers(2) : undefined;
  const axes = g.ints(
    'axes',
    Array.from({ length: g.dims(0)!.length }, (_, i) => i),
  );
  return scales && scales.length > 0 ? (scales[axes.indexOf(axis)] ?? 1) : out / size;
}

/** The position in the input of element `at` of the output. */
function original(g: Backward, at: number, size: number, out: number, scale: number): number {
  const transform = g.string('coordinate_transformation_mode', 'half_pixel');
  switch (transform) {
    case 'asymmetric':
      return at / scale;
    case 'align_corners':
      return out === 1 ? 0 : (at * (size - 1)) / (out - 1);
    case 'pytorch_half_pixel':
      return out === 1 ? 0 : (at + 0.5) / scale - 0.5;
    case 'half_pixel':
      return (at + 0.5) / scale - 0.5;
    case 'half_pixel_symmetric':
      return (size / 2) * (1 - out / (scale * size)) + (at + 0.5) / scale - 0.5;
    default:
      throw g.invalid(`the coordinate transformation ${transform} has no gradient here`);
  }
}

function nearest(g: Backward, position: number): number {
  switch (g.string('nearest_mode', 'round_prefer_floor')) {
    case 'floor':
      return Math.floor(position);
    case 'ceil':
      return Math.ceil(position);
    case 'round_prefer_ceil':
      return Math.floor(position + 0.5);
    default:
      return Math.ceil(position - 0.5);
  }
}
