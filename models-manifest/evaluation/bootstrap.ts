/** A mean and the percentile interval of its bootstrap (Efron & Tibshirani 1993, chapter 13). */
export interface Estimate {
  mean: number;
  low: number;
  high: number;
}

const RESAMPLES = 10_000;

/**
 * The mean of `values` with its 95 % interval. The same values always give the same interval: the resampling has a seed of its own.
 *
 * @param values one for each picture, independent of each other
 */
export function bootstrap(values: readonly number[]): Estimate {
  const random = uniform(1);
  const means = Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[Math.floor(random() * values.length)]!;
    return sum / values.length;
  }).toSorted((a, b) => a - b);
  const at = (share: number) => means[Math.round(share * (RESAMPLES - 1))]!;
  return { mean: values.reduce((sum, value) => sum + value, 0) / values.length, low: at(0.025), high: at(0.975) };
}

/** Numbers in [0, 1) from a 32-bit seed: mulberry32, which passes PractRand's short tests and is enough for picking indices. */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
