import { METRICS, type MetricName } from '../../../shared/guidance/settings.ts';
import type { Scores } from '../../../shared/protocol.ts';

/** One metric's cosines, in the order of the steps. */
export interface ScoreSeries {
  metric: MetricName;
  values: number[];
}

/** The metrics that were measured, each over all of `scores`. */
export function scoreSeries(scores: readonly Scores[]): ScoreSeries[] {
  return METRICS.filter((metric) => scores[0]?.[metric] !== undefined).map((metric) => ({
    metric,
    values: scores.map((at) => at[metric]!),
  }));
}

export interface Range {
  least: number;
  most: number;
}

/** Whole tenths between which all values lie: the noise of a run that hardly changes does not fill the chart. */
export function scoreRange(series: readonly ScoreSeries[]): Range {
  const values = series.flatMap((one) => one.values);
  const least = Math.min(9, Math.floor(Math.min(...values) * 10));
  return { least: least / 10, most: Math.max(least + 1, Math.ceil(Math.max(...values) * 10)) / 10 };
}

/** The line of `values`, [0, 100] from left and from top: step k from the left edge of its column of `steps`, the finished picture at the right edge. */
export function linePoints(values: readonly number[], steps: number, { least, most }: Range): [x: number, y: number][] {
  return values.map((value, k) => [(100 * k) / steps, (100 * (most - value)) / (most - least)]);
}

/** The name of the k-th of the scores: `1`, `2`, ... and the picture that came of `steps`. */
export const stepName = (k: number, steps: number): string => (k < steps ? String(k + 1) : 'picture');

/** A cosine, with a minus that reads as one. */
export const scoreText = (score: number): string => score.toFixed(3).replace('-', '−');
