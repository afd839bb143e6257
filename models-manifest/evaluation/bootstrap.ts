/** A number and the percentile interval of its bootstrap (Efron & Tibshirani 1993, chapter 13). */
export interface Estimate {
  value: number;
  low: number;
  high: number;
}

const RESAMPLES = 10_000;

/**
 * What `statistic` makes of the column means of `rows`, with 95 % intervals. The same rows always give the same intervals: the resampling has a seed of
 * its own, and it is the same for all of one number of rows.
 *
 * @param rows one for each independent sample, of equal length
 * @param statistic from the means of the columns to the numbers to be estimated
 */
export function bootstrap(rows: readonly (readonly number[])[], statistic: (means: readonly number[]) => readonly number[]): Estimate[] {
  const columns = rows[0]!.length;
  const meansOf = (pick: (k: number) => readonly number[]) => {
    const sums = Array<number>(columns).fill(0);
    for (let k = 0; k < rows.length; k++) {
      const row = pick(k);
      for (let c = 0; c < columns; c++) sums[c]! += row[c]!;
    }
    return sums.map((sum) => sum / rows.length);
  };
  const random = uniform(1);
  const trials = Array.from({ length: RESAMPLES }, () => statistic(meansOf(() => rows[Math.floor(random() * rows.length)]!)));
  return statistic(meansOf((k) => rows[k]!)).map((value, n) => {
    const sorted = Float64Array.from(trials, (trial) => trial[n]!).toSorted();
    const at = (share: number) => sorted[Math.round(share * (RESAMPLES - 1))]!;
    return { value, low: at(0.025), high: at(0.975) };
  });
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
