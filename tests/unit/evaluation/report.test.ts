import { describe, expect, it } from 'vitest';
import { bootstrap } from '../../../models-manifest/evaluation/bootstrap.ts';
import { studyTable } from '../../../models-manifest/evaluation/report.ts';
import type { Scored } from '../../../models-manifest/evaluation/run-study.ts';

describe('bootstrap', () => {
  it('has the interval of the normal approximation where values are many', () => {
    const values = Array.from({ length: 400 }, (_, i) => (i % 4 === 0 ? 1 : 0));
    const { mean, low, high } = bootstrap(values);
    const half = 1.96 * Math.sqrt((0.25 * 0.75) / 400);
    expect(mean).toBe(0.25);
    expect(low).toBeCloseTo(0.25 - half, 2);
    expect(high).toBeCloseTo(0.25 + half, 2);
  });

  it('gives the same interval again, and a point for equal values', () => {
    const values = [0.3, 0.1, 0.7, 0.2];
    expect(bootstrap(values)).toEqual(bootstrap(values));
    expect(bootstrap([0.5, 0.5, 0.5])).toEqual({ mean: 0.5, low: 0.5, high: 0.5 });
  });
});

describe('the table of a study', () => {
  const scored = (variant: string, seed: number, dino: number, right: number): Scored => ({
    variant,
    subject: 'pip',
    style: 'knit',
    seed,
    scores: { dino, clip: dino / 2, 'judge subject': right, 'judge style': 1, 'judge both': right },
    picture: { width: 1, height: 1, data: new Uint8ClampedArray(4) },
  });

  it('has means a variant, and differences on the same pair and seed', () => {
    const variants = [
      { name: 'kl', request: { rule: 'kl' } },
      { name: 'guided', against: 'kl', request: { rule: 'kl' } },
    ] as const;
    const lines = studyTable(variants, [
      scored('kl', 1, 0.2, 0),
      scored('kl', 2, 0.6, 1),
      scored('guided', 1, 0.3, 1),
      scored('guided', 2, 0.7, 1),
    ]).split('\n');
    const cells = (line: string) => line.split(' | ').map((cell) => cell.replace(/ \(.*/, ''));
    expect(lines.map(cells).map((row) => row.slice(0, 4))).toEqual([
      ['|', 'dino', 'clip', 'judge subject'],
      ['| ---', '---', '---', '---'],
      ['| kl', '0.400', '0.200', '50 %'],
      ['| guided', '0.500', '0.250', '100 %'],
      ['| guided, less kl', '+0.100', '+0.050', '+50 %'],
    ]);
    // Each pair's difference is 0.1, however far apart the pictures are.
    expect(lines[4]).toContain('+0.100 (0.100 to 0.100)');
  });
});
