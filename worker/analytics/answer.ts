import { type Analytics, FUNNEL, LIVE_MINUTES, type Metrics, type Share } from '../../shared/analytics.ts';
import { mergeHistograms, quantile } from '../../shared/histogram.ts';
import { TELEMETRY_HISTOGRAMS } from '../../shared/telemetry.ts';
import { type AnalyticsRows, BEFORE, type BucketRow, type PointRow, type UsedRow } from '../storage/analytics.ts';
import { type Period, periodBefore, startOf, startsOf } from './intervals.ts';
import { addSums, NO_SUMS, type Sums, totalsOf } from './measure-sums.ts';
import type { AnalyticsQuery } from './query.ts';

/** The answer to a query, from the rows that were read for it. */
export function toAnalytics(query: AnalyticsQuery, rows: AnalyticsRows): Analytics {
  const { site, period, interval, filters, breakdown } = query;
  const [before, within] = [rows.points.filter(({ start }) => start === BEFORE), rows.points.filter(({ start }) => start !== BEFORE)];
  const [totals, previous] = [within, before].map((points) => totalsOf(points.reduce<Sums>(addSums, NO_SUMS)));
  const used = (part: string): Share[] => rows.used.filter((row) => row.part === part).map(toShare);
  return {
    site,
    period: toIso(period),
    previous_period: toIso(periodBefore(period)),
    interval,
    filters,
    totals: totals!,
    previous_totals: previous!,
    series: toSeries(query, within),
    funnel: FUNNEL.map((event) => ({ event, events: totals![event], previous: previous![event] })),
    breakdown: breakdown
      ? {
          by: breakdown,
          values: rows.breakdown[0]?.values ?? 0,
          rows: rows.breakdown.map((row) => ({ value: row.value, ...totalsOf(row) })),
        }
      : null,
    percentiles: rows.buckets ? toPercentiles(rows.buckets) : null,
    most_used: { subject: used('subject'), style: used('style'), pair: used('pair'), rule: used('rule') },
    error_codes: used('code'),
    live: { minutes: LIVE_MINUTES, view: countLive(rows, 'view'), generate_start: countLive(rows, 'generate_start') },
  };
}

const iso = (at: number): string => new Date(at).toISOString();
const toIso = ({ from, to }: Period): { from: string; to: string } => ({ from: iso(from), to: iso(to) });
const toShare = ({ value, events }: UsedRow): Share => ({ value, events });
const countLive = ({ live }: AnalyticsRows, event: string): number => live.find((row) => row.event === event)?.events ?? 0;

/** Hours or days added up to the intervals of the query; where there is no row, nothing happened. */
function toSeries({ interval, period }: AnalyticsQuery, points: readonly PointRow[]): Analytics['series'] {
  const sums = new Map<number, Sums>(startsOf(interval, period).map((start) => [start, NO_SUMS]));
  for (const point of points) {
    const start = startOf(interval, point.start);
    sums.set(start, addSums(sums.get(start) ?? NO_SUMS, point));
  }
  return [...sums].map(([start, sum]) => ({ start: iso(start), ...totalsOf(sum) }));
}

function toPercentiles(rows: readonly BucketRow[]): NonNullable<Analytics['percentiles']> {
  const classes = Map.groupBy(rows, ({ backend, gpu_vendor, gpu_architecture }) => JSON.stringify([backend, gpu_vendor, gpu_architecture]));
  return {
    all: toMetrics(rows.filter(({ backend }) => backend === null)),
    by_gpu_class: [...classes.values()].flatMap((counted) => {
      const { backend, gpu_vendor, gpu_architecture } = counted[0]!;
      if (backend === null || gpu_vendor === null || gpu_architecture === null) return [];
      return [{ backend, gpu_vendor, gpu_architecture, metrics: toMetrics(counted) }];
    }),
  };
}

function toMetrics(rows: readonly BucketRow[]): Metrics {
  const metrics = Object.keys(TELEMETRY_HISTOGRAMS).map((metric) => {
    const histogram = mergeHistograms(rows.filter((row) => row.metric === metric).map(({ bucket, events }) => new Map([[bucket, events]])));
    const events = [...histogram.values()].reduce((sum, count) => sum + count, 0);
    return [metric, { events, p50: quantile(histogram, 0.5) ?? null, p95: quantile(histogram, 0.95) ?? null }] as const;
  });
  return Object.fromEntries(metrics) as Metrics;
}
