import { describe, expect, it } from 'vitest';
import { linePoints, scoreRange, scoreSeries, scoreText, stepName } from '../../../client/embed/studio/score-series.ts';

describe('scores', () => {
  it('become one series a metric, in the metrics’ own order', () => {
    const series = scoreSeries([
      { clip: 0.4, dino: 0.1 },
      { clip: 0.5, dino: 0.2 },
    ]);
    expect(series).toEqual([
      { metric: 'dino', values: [0.1, 0.2] },
      { metric: 'clip', values: [0.4, 0.5] },
    ]);
    expect(scoreSeries([])).toEqual([]);
  });

  it.each([
    [[0.41, 0.63], 0.4, 0.7],
    [[0.42, 0.43], 0.4, 0.5],
    [[-0.05, 0.12], -0.1, 0.2],
    [[0.5, 0.5], 0.5, 0.6],
    [[1, 1], 0.9, 1],
  ])('%o lie between %d and %d', (values, least, most) => {
    expect(scoreRange([{ metric: 'dino', values }])).toEqual({ least, most });
  });

  it('stand where their steps begin, the finished picture where the last one ends', () => {
    const range = { least: 0, most: 1 };
    expect(linePoints([0, 0.5, 1], 2, range)).toEqual([
      [0, 100],
      [50, 50],
      [100, 0],
    ]);
    expect([0, 1, 2].map((k) => stepName(k, 2))).toEqual(['1', '2', 'picture']);
  });

  it('are written with three digits and a true minus', () => {
    expect([0.41234, -0.05, 1].map(scoreText)).toEqual(['0.412', '−0.050', '1.000']);
  });
});
