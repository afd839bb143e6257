/** IEEE 754 half precision by bit patterns: engines without `Float16Array` run this too. */

const FLOAT32 = new Float32Array(1);
const BITS = new Uint32Array(FLOAT32.buffer);

/** Bit patterns of the nearest float16 values, ties to even; beyond 65519 infinity; NaN stays a quiet NaN. */
export function toFloat16(values: ArrayLike<number>): Uint16Array {
  return Uint16Array.from(values, encode);
}

/** Every half, made at the first use: a LoRA of SDXL has hundreds of millions, and looking one up takes a fraction of decoding it. */
let halves: Float32Array | undefined;

/** The exact values of float16 bit patterns. */
export function fromFloat16(bits: Uint16Array): Float32Array {
  halves ??= Float32Array.from({ length: 2 ** 16 }, (_, pattern) => decode(pattern));
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = halves[bits[i]!]!;
  return values;
}

function encode(value: number): number {
  FLOAT32[0] = value;
  const bits = BITS[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x7f800000) return sign | (magnitude === 0x7f800000 ? 0x7c00 : 0x7e00);
  if (magnitude < 0x38800000) return sign | encodeSubnormal(value);
  // Rebias the exponent from 127 to 15; a carry out of the mantissa rightly raises the exponent, up to infinity.
  const rebased = magnitude - 0x38000000;
  return sign | Math.min(roundShift(rebased, 13), 0x7c00);
}

/** Below 2^-14 a half counts in units of 2^-24, and scaling a float32 by 2^24 is exact. */
function encodeSubnormal(value: number): number {
  const units = Math.abs(Math.fround(value)) * 2 ** 24;
  const floor = Math.floor(units);
  const rest = units - floor;
  return floor + (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? 1 : 0);
}

/** `bits >>> shift`, rounded to nearest, ties to even. */
function roundShift(bits: number, shift: number): number {
  const half = 1 << (shift - 1);
  const odd = (bits >>> shift) & 1;
  return (bits + half - 1 + odd) >>> shift;
}

function decode(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0x1f) return mantissa === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}
