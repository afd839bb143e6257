/**
 * Gaussian noise that is the same to the last bit in every engine: a counter-based generator, and a normal transform from nothing but
 * exactly rounded arithmetic. `Math.log` and `Math.cos` differ between engines in their last bits.
 */

const ROUNDS = 10;

/** Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): four 32-bit numbers from a counter and a key. */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  let [a, b, c, d] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const [high0, low0] = multiply(0xd2511f53, a);
    const [high1, low1] = multiply(0xcd9e8d57, c);
    [a, b, c, d] = [(high1 ^ b ^ k0) >>> 0, low1, (high0 ^ d ^ k1) >>> 0, low0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [a, b, c, d];
}

/** The 64-bit product of two 32-bit numbers, as its high and low half. */
function multiply(x: number, y: number): [high: number, low: number] {
  const low = Math.imul(x, y) >>> 0;
  const [x1, x0, y1, y0] = [x >>> 16, x & 0xffff, y >>> 16, y & 0xffff];
  const middle = x1 * y0 + ((x0 * y0) >>> 16);
  const other = x0 * y1 + (middle & 0xffff);
  return [(x1 * y1 + Math.floor(middle / 65536) + Math.floor(other / 65536)) >>> 0, low];
}

/**
 * `count` independent numbers from N(0, 1). `seed` and `stream` are unsigned 32-bit; streams of one seed are independent.
 */
export function gaussianNoise(seed: number, count: number, stream = 0): Float32Array {
  const noise = new Float32Array(Math.ceil(count / 4) * 4);
  for (let block = 0; block * 4 < count; block++) {
    const [a, b, c, d] = philox([block, 0, 0, 0], [seed >>> 0, stream >>> 0]);
    noise.set([...boxMuller(a, b), ...boxMuller(c, d)], block * 4);
  }
  return noise.slice(0, count);
}

/** Two normal numbers from two 32-bit ones (Box & Muller 1958). */
function boxMuller(first: number, second: number): [number, number] {
  const radius = Math.sqrt(-2 * logOfFraction(first + 1));
  const [cos, sin] = cosSinOfTurn(second);
  return [radius * cos, radius * sin];
}

/** ln(k / 2^32) for k = 1 ... 2^32: k = m 2^e with 1 <= m < 2, and ln m = 2 artanh((m - 1) / (m + 1)) by its series. */
function logOfFraction(k: number): number {
  if (k === 2 ** 32) return 0;
  const exponent = 31 - Math.clz32(k);
  const mantissa = k / ((1 << exponent) >>> 0);
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  let sum = 0;
  for (let power = 33; power >= 1; power -= 2) sum = sum * square + 1 / power;
  return (exponent - 32) * 0.6931471805599453 + 2 * s * sum;
}

/** cos and sin of k / 2^32 turns: the nearest quarter turn exactly, the rest (at most 45 degrees) by Taylor's series. */
function cosSinOfTurn(k: number): [cos: number, sin: number] {
  const quarter = Math.floor((k + 2 ** 29) / 2 ** 30);
  const angle = ((k - quarter * 2 ** 30) / 2 ** 32) * 6.283185307179586;
  const square = angle * angle;
  let cos = 1;
  let sin = 1;
  for (let n = 16; n >= 2; n -= 2) {
    cos = 1 - (cos * square) / (n * (n - 1));
    sin = 1 - (sin * square) / (n * (n + 1));
  }
  sin *= angle;
  return (
    [
      [cos, sin],
      [-sin, cos],
      [-cos, -sin],
      [sin, -cos],
    ] as const
  )[quarter % 4]!.slice() as [number, number];
}
