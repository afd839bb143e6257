import type { Call } from '../onnx/infer/rule.ts';

/**
 * The matrix [out, size], row-major, by which Resize maps one axis of `size` elements to `out`, in every mode but cubic
 * (https://onnx.ai/onnx/operators/onnx__Resize.html).
 */
export function interpolation(call: Call, axis: number, size: number, out: number): number[] {
  const mode = call.string('mode', 'nearest');
  if (mode !== 'nearest' && mode !== 'linear') throw call.invalid(`the mode ${mode} has no gradient here; nearest and linear have`);
  if (call.int('antialias', 0) === 1) throw call.invalid('antialiased resizing has no gradient here');
  const scale = scaleOf(call, axis, size, out);
  const matrix = Array<number>(out * size).fill(0);
  for (let at = 0; at < out; at++) {
    const position = original(call, at, size, out, scale);
    const row = at * size;
    if (mode === 'nearest') {
      matrix[row + clamp(nearest(call, position), size)] = 1;
      continue;
    }
    const low = Math.floor(position);
    matrix[row + clamp(low, size)]! += 1 - (position - low);
    matrix[row + clamp(low + 1, size)]! += position - low;
  }
  return matrix;
}

const clamp = (index: number, size: number): number => Math.min(size - 1, Math.max(0, index));

/** The scale as given, where it is: it need not be the ratio of the sizes. */
function scaleOf(call: Call, axis: number, size: number, out: number): number {
  const scales = call.has(2) ? call.constantNumbers(2) : undefined;
  const axes = call.ints(
    'axes',
    Array.from({ length: call.dims(0)!.length }, (_, i) => i),
  );
  return scales && scales.length > 0 ? (scales[axes.indexOf(axis)] ?? 1) : out / size;
}

/** The position in the input of element `at` of the output. */
function original(call: Call, at: number, size: number, out: number, scale: number): number {
  const transform = call.string('coordinate_transformation_mode', 'half_pixel');
  switch (transform) {
    case 'asymmetric':
      return at / scale;
    case 'align_corners':
      return out === 1 ? 0 : (at * (size - 1)) / (out - 1);
    case 'pytorch_half_pixel':
      return out === 1 ? 0 : (at + 0.5) / scale - 0.5;
    case 'half_pixel':
      return (at + 0.5) / scale - 0.5;
    default:
      throw call.invalid(`the coordinate transformation ${transform} has no gradient here`);
  }
}

function nearest(call: Call, position: number): number {
  switch (call.string('nearest_mode', 'round_prefer_floor')) {
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
