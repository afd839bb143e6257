import { describe, expect, it } from 'vitest';
import { bootstrap } from '../../../models-manifest/evaluation/bootstrap.ts';

const first = ([mean]: readonly number[]) => [mean!];

describe('bootstrap', () => {
  it('has the interval of the normal approximation where samples are many', () => {
    const rows = Array.from({ length: 400 }, (_, i) => [i % 4 === 0 ? 1 : 0]);
    const [{ value, low, high }] = bootstrap(rows, first) as [{ value: number; low: number; high: number }];
    const half = 1.96 * Math.sqrt((0.25 * 0.75) / 400);
    expect(value).toBe(0.25);
    expect(low).toBeCloseTo(0.25 - half, 2);
    expect(high).toBeCloseTo(0.25 + half, 2);
  });

  it('gives the same interval again, and a point for equal samples', () => {
    const rows = [[0.3], [0.1], [0.7], [0.2]];
    expect(bootstrap(rows, first)).toEqual(bootstrap(rows, first));
    expect(bootstrap([[0.5], [0.5], [0.5]], first)).toEqual([{ value: 0.5, low: 0.5, high: 0.5 }]);
  });

  it('resamples whole rows: columns that move together keep their difference', () => {
    const rows = [0, 1, 5, 9].map((x) => [x, x + 2]);
    const [difference] = bootstrap(rows, ([a, b]) => [b! - a!]);
    expect(difference).toEqual({ value: 2, low: 2, high: 2 });
  });
});
