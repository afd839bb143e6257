import type { Totals } from '../../../shared/analytics.ts';
import { bytesText, countText, percentText, shortCountText } from '../number-text.ts';

export interface Metric {
  label: string;
  /** What it counts, in a sentence. */
  note: string;
  kind: 'count' | 'share' | 'bytes';
  /** Null where there is nothing to divide by. */
  of: (totals: Totals) => number | null;
  /** Which way is an improvement; undefined: neither. */
  better?: 'more' | 'less';
  /** The events that it is made of: a filter may leave none of them to count. */
  events: readonly ('view' | 'generate_start' | 'generate_complete' | 'generate_error' | 'download')[];
}

const quotient = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null);

/** The figures at the head of the page, each of which the chart over time can show. */
export const METRICS = {
  views: { label: 'Views', note: 'Studios opened', kind: 'count', of: ({ view }) => view, better: 'more', events: ['view'] },
  pictures: {
    label: 'Pictures',
    note: 'Finished generations',
    kind: 'count',
    of: ({ generate_complete }) => generate_complete,
    better: 'more',
    events: ['generate_complete'],
  },
  completion: {
    label: 'Completion',
    note: 'Started generations that finished',
    kind: 'share',
    of: (totals) => quotient(totals.generate_complete, totals.generate_start),
    better: 'more',
    events: ['generate_start', 'generate_complete'],
  },
  errors: {
    label: 'Errors',
    note: 'Generations that failed',
    kind: 'count',
    of: ({ generate_error }) => generate_error,
    better: 'less',
    events: ['generate_error'],
  },
  bytes: { label: 'Downloaded', note: 'By visitors, over the network', kind: 'bytes', of: ({ bytes }) => bytes, events: ['download'] },
  cache: {
    label: 'From cache',
    note: 'Bytes that browsers had already',
    kind: 'share',
    of: ({ cache_share }) => cache_share,
    better: 'more',
    events: ['download'],
  },
  unsupported: {
    label: 'Unsupported',
    note: 'Views whose browser cannot run it',
    kind: 'share',
    of: ({ unsupported_share }) => unsupported_share,
    better: 'less',
    events: ['view', 'generate_error'],
  },
  subject: {
    label: 'Subject’s share',
    note: 'Of the choices of fusion, over pictures',
    kind: 'share',
    of: ({ subject_share }) => subject_share,
    events: ['generate_complete'],
  },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof METRICS;
export const METRIC_NAMES = Object.keys(METRICS) as MetricName[];
export const DEFAULT_METRIC: MetricName = 'views';
export const isMetric = (name: string): name is MetricName => Object.hasOwn(METRICS, name);
export const metricOf = (name: MetricName): Metric => METRICS[name];

/** Exact for people; bytes to three digits. */
export function figureText(kind: Metric['kind'], value: number | null): string {
  if (kind === 'share' || value === null) return percentText(value);
  return kind === 'bytes' ? bytesText(value) : countText(value);
}

/** For an axis. */
export const axisText = (kind: Metric['kind'], value: number): string =>
  kind === 'count' ? shortCountText(value) : figureText(kind, value);
