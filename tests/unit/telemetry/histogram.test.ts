import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketOf, BUCKETS, type Histogram, mergeHistograms, quantile } from '../../../shared/histogram.ts';
import { exactQuantile } from '../../../shared/nearest-rank.ts';

const DAY_MS = 86_400_000;

function histogramOf(values: readonly number[]): Histogram {
  return mergeHistograms(values.map((ms) => new Map([[bucketOf(ms), 1]])));
}

/** Log-uniform, as durations are, from a tenth of a millisecond to a day. */
const duration = fc.double({ min: -1, max: Math.log10(DAY_MS), noNaN: true }).map((exponent) => Math.min(DAY_MS, 10 ** exponent));
const durations = fc.array(duration, { minLength: 1, maxLength: 200 });
const q = fc.constantFrom(0.01, 0.5, 0.95, 0.99, 1);

describe('buckets', () => {
  it.each([
    [0, 0],
    [1, 0],
    [1.001, 1],
    [1.091, 1],
    [1.092, 2],
    [2, 8],
    [2.0001, 9],
    [1024, 80],
    [1024.001, 81],
    [DAY_MS, 211],
    [Number.MAX_VALUE, BUCKETS - 1],
  ])('%f ms is in bucket %i', (ms, bucket) => expect(bucketOf(ms)).toBe(bucket));

  it('a longer duration is never in an earlier bucket, and 9.1 % longer is at most the next but one', () => {
    fc.assert(
      fc.property(duration, fc.double({ min: 1, max: 1.0905, noNaN: true }), (ms, factor) => {
        const step = bucketOf(Math.min(DAY_MS, ms * factor)) - bucketOf(ms);
        expect(step).toBeGreaterThanOrEqual(0);
        expect(step).toBeLessThanOrEqual(2);
      }),
    );
  });
});

describe('quantiles', () => {
  it('of merged parts lie in the bucket of the exact quantile of all', () => {
    fc.assert(
      fc.property(fc.array(durations, { minLength: 1, maxLength: 8 }), q, (parts, q) => {
        const merged = quantile(mergeHistograms(parts.map(histogramOf)), q)!;
        const exact = exactQuantile(parts.flat(), q);
        expect(bucketOf(merged)).toBe(bucketOf(exact));
        // Bucket 0 has no lower bound.
        const doublings = Math.log2(Math.max(1, merged) / Math.max(1, exact));
        expect(Math.abs(doublings)).toBeLessThanOrEqual(1 / 8 + 0.001);
      }),
    );
  });

  it('do not depend on how the values were divided, nor on the order', () => {
    fc.assert(
      fc.property(durations, fc.nat(), q, (values, cut, q) => {
        const at = cut % (values.length + 1);
        const parts = [values.slice(at), values.slice(0, at)].map(histogramOf);
        expect(quantile(mergeHistograms(parts), q)).toBe(quantile(histogramOf(values), q));
      }),
    );
  });

  it('never fall as q rises', () => {
    fc.assert(
      fc.property(durations, (values) => {
        const found = [0.01, 0.25, 0.5, 0.75, 0.95, 1].map((q) => quantile(histogramOf(values), q)!);
        expect(found).toEqual(found.toSorted((a, b) => a - b));
      }),
    );
  });

  it('of nothing are undefined', () => expect(quantile(new Map(), 0.5)).toBeUndefined());

  it.each([
    [[5], 0.5, 5],
    [[1, 2, 3, 4], 0.5, 2],
    [[4, 3, 2, 1], 0.51, 3],
    [[1, 2, 3, 4], 1, 4],
  ])('exactly, of %j at %f: %f', (values, q, expected) => expect(exactQuantile(values, q)).toBe(expected));
});
