/**
 * Histograms of durations whose buckets are fixed for ever, so that counts of any hours, sites and GPUs can be added up, and quantiles read off
 * the sum.
 *
 * Bucket 0 holds durations up to 1 ms. Bucket i holds those above bound i - 1 and up to bound i = 2^(i / 8) ms, rounded to a microsecond so that
 * every engine computes the same bounds: eight buckets to each doubling, each about 9 % wide. The last bucket has no upper bound.
 */
import { nearestRank } from './nearest-rank.ts';

/** 2^(211 / 8) ms is 24.3 hours. */
export const BUCKETS = 212;

const BUCKETS_PER_DOUBLING = 8;

/** The largest duration of each bucket, milliseconds. */
const UPPER_BOUNDS: readonly number[] = Array.from(
  { length: BUCKETS },
  (_, i) => Math.round(1000 * 2 ** (i / BUCKETS_PER_DOUBLING)) / 1000,
);

/** The bucket of a duration in milliseconds, 0 to `BUCKETS` - 1. */
export function bucketOf(ms: number): number {
  let low = 0;
  let high = BUCKETS - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ms <= UPPER_BOUNDS[middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Counts by bucket. Sparse: a bucket that is not there is empty. */
export type Histogram = ReadonlyMap<number, number>;

/** The sum of histograms. */
export function mergeHistograms(histograms: Iterable<Histogram>): Map<number, number> {
  const merged = new Map<number, number>();
  for (const histogram of histograms) for (const [bucket, count] of histogram) merged.set(bucket, (merged.get(bucket) ?? 0) + count);
  return merged;
}

/**
 * The nearest-rank quantile, milliseconds: it lies in the very bucket of the exact one, so it is off by 9 % at most (above 1 ms).
 * Within the bucket the counted are taken as evenly spread on the logarithmic scale. Undefined when nothing was counted.
 *
 * @param q in (0, 1]
 */
export function quantile(histogram: Histogram, q: number): number | undefined {
  const total = [...histogram.values()].reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  const rank = nearestRank(total, q);
  let below = 0;
  for (const [bucket, count] of [...histogram].toSorted(([a], [b]) => a - b)) {
    if (below + count >= rank) return within(bucket, (rank - below - 0.5) / count);
    below += count;
  }
  return undefined;
}

/** @param part in (0, 1), from the bucket's lower bound to its upper */
function within(bucket: number, part: number): number {
  const upper = UPPER_BOUNDS[bucket]!;
  if (bucket === 0) return upper * part;
  const lower = UPPER_BOUNDS[bucket - 1]!;
  return lower * (upper / lower) ** part;
}
