/**
 * What `GET /v1/sites/:id/analytics` takes and answers. The measures are one table: the edge's SQL, the answer's schema and the columns of its CSV
 * derive from it.
 */
import * as v from 'valibot';
import type { ErrorCode } from './errors.ts';
import { TELEMETRY_COLUMNS, TELEMETRY_EVENTS, TELEMETRY_HISTOGRAMS, type TelemetryColumn } from './telemetry.ts';

export const INTERVALS = ['hour', 'day', 'week', 'month'] as const;
export type Interval = (typeof INTERVALS)[number];

/** Points of a time series at most: a month of hours, two years of days. */
export const MAX_POINTS = 750;
/** Three years. */
export const MAX_PERIOD_DAYS = 1096;
export const DEFAULT_PERIOD_DAYS = 30;

/** Rows of a breakdown and of each list of the most used. */
export const DEFAULT_LIMIT = 10;
export const MAX_LIMIT = 1000;

/** GPU classes whose percentiles are told: those with the most counted. */
export const MAX_GPU_CLASSES = 50;

/** The time that `live` looks back, minutes. */
export const LIVE_MINUTES = 5;

/** In place of a site's id: all sites together. */
export const ALL_SITES = 'all';

/** Between the parts of a dimension that is made of two columns, such as `pip/knit`; in none of their texts. A part may be `''`. */
export const PART_SEPARATOR = '/';

const plainDimensions = (Object.keys(TELEMETRY_COLUMNS) as TelemetryColumn[]).filter(
  (name): name is PlainDimension => TELEMETRY_COLUMNS[name].roll === 'dimension',
);

type PlainDimension = {
  [Name in TelemetryColumn]: (typeof TELEMETRY_COLUMNS)[Name]['roll'] extends 'dimension' ? Name : never;
}[TelemetryColumn];

/** The columns of each dimension by which can be filtered. An event that lacks one counts as `''` there. */
export const DIMENSIONS = {
  ...(Object.fromEntries(plainDimensions.map((name) => [name, [name]])) as unknown as { [Name in PlainDimension]: readonly [Name] }),
  gpu_class: ['gpu_vendor', 'gpu_architecture'],
  pair: ['subject', 'style'],
  site: ['site'],
} as const satisfies Record<string, readonly (PlainDimension | 'site')[]>;
export type Dimension = keyof typeof DIMENSIONS;

/** The dimensions by which can be broken down. */
export const BREAKDOWNS = [
  'gpu_class',
  'backend',
  'model',
  'subject',
  'style',
  'pair',
  'rule',
  'code',
  'site',
] as const satisfies readonly Dimension[];
export type Breakdown = (typeof BREAKDOWNS)[number];

export const FORMATS = ['json', 'csv'] as const;

/** The steps of a visit, in order. Consent is asked only where something is still to be downloaded, and one visit may make many pictures. */
export const FUNNEL = ['view', 'consent', 'ready', 'generate_start', 'generate_complete'] as const;

/** Errors that mean: this browser cannot run the model, and no second try will help. */
export const UNSUPPORTED_CODES = ['webgpu_unavailable', 'model_too_large_for_wasm'] as const satisfies readonly ErrorCode[];

type EventName = (typeof TELEMETRY_EVENTS)[number];

interface Measure {
  /** Of which events; undefined: of all. */
  event: EventName | undefined;
  /** Only events of these error codes. */
  codes?: readonly ErrorCode[];
  /** What is added up: a column, how many events there are, or how many of them found all in the browser's cache. */
  sum: TelemetryColumn | 'events' | 'cache_hits';
  /** Divided by how many events have the column. */
  mean?: true;
}

const counts = Object.fromEntries(TELEMETRY_EVENTS.map((event) => [event, { event, sum: 'events' }])) as {
  [Name in EventName]: { event: Name; sum: 'events' };
};

/** What is added up over a period, a point of the series, or a value of a dimension. The counts of events are named as the event. */
export const MEASURES = {
  events: { event: undefined, sum: 'events' },
  ...counts,
  /** Over the network. */
  bytes: { event: 'download', sum: 'bytes' },
  /** Out of the browser's cache. */
  cached_bytes: { event: 'download', sum: 'cached_bytes' },
  /** Downloads that came wholly from the cache. */
  cache_hits: { event: 'download', sum: 'cache_hits' },
  /** Runs that failed because the browser is unsupported. */
  unsupported: { event: 'generate_error', codes: UNSUPPORTED_CODES, sum: 'events' },
  /** Mean share of the choices (layers x steps) that went to the subject, over pictures. */
  subject_share: { event: 'generate_complete', sum: 'subject_share', mean: true },
  /** Mean eta of metric guidance over pictures; those without guidance have 0. */
  guidance: { event: 'generate_complete', sum: 'guidance', mean: true },
  /** Mean cosine of pictures with the subject's references, and with the style's. */
  score_subject: { event: 'generate_complete', sum: 'score_subject', mean: true },
  score_style: { event: 'generate_complete', sum: 'score_style', mean: true },
} as const satisfies Record<string, Measure>;
export type MeasureName = keyof typeof MEASURES;

/** Quotients of measures, null where there is nothing to divide by. */
export const SHARES = {
  /** Of all bytes of weights, those that came out of the cache. */
  cache_share: { of: ['cached_bytes'], over: ['bytes', 'cached_bytes'] },
  /** Of all downloads, those that needed no network at all. */
  cache_hit_share: { of: ['cache_hits'], over: ['download'] },
  /** Of all openings of the studio; a visitor who tries again counts again. */
  unsupported_share: { of: ['unsupported'], over: ['view'] },
} as const satisfies Record<string, { of: readonly MeasureName[]; over: readonly MeasureName[] }>;

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const mean = v.nullable(v.number());
const instant = v.pipe(v.string(), v.isoTimestamp());

type Figures = {
  [Name in MeasureName]: (typeof MEASURES)[Name] extends { mean: true } ? typeof mean : typeof count;
} & { [Name in keyof typeof SHARES]: typeof mean };

/** The names of `Totals`, in the order of the CSV's columns. */
export const FIGURES = [...Object.keys(MEASURES), ...Object.keys(SHARES)] as (keyof Figures)[];

const figures = {
  ...Object.fromEntries(Object.entries(MEASURES).map(([name, measure]) => [name, 'mean' in measure ? mean : count])),
  ...Object.fromEntries(Object.keys(SHARES).map((name) => [name, mean])),
} as Figures;

const Totals = v.object(figures);
export type Totals = v.InferOutput<typeof Totals>;

const Period = v.object({ from: instant, to: instant });

/** `value` is `''` (or has empty parts) for events that lack the dimension. */
const Share = v.object({ value: v.string(), events: count });
export type Share = v.InferOutput<typeof Share>;

const Quantiles = v.object({ events: count, p50: v.nullable(v.number()), p95: v.nullable(v.number()) });

type MetricName = keyof typeof TELEMETRY_HISTOGRAMS;
/** Milliseconds: until the engine is ready, of a visit's first load, of a run's median step, of a run. */
const Metrics = v.object(
  Object.fromEntries(Object.keys(TELEMETRY_HISTOGRAMS).map((name) => [name, Quantiles])) as Record<MetricName, typeof Quantiles>,
);
export type Metrics = v.InferOutput<typeof Metrics>;

export const Analytics = v.object({
  /** A site's id, or `all`. */
  site: v.string(),
  /** What was counted: from `from` up to, and without, `to`, widened to whole hours. */
  period: Period,
  /** As long, and just before. */
  previous_period: Period,
  interval: v.picklist(INTERVALS),
  /** An event passes when it has, for every dimension named, one of its values. */
  filters: v.array(v.object({ dimension: v.picklist(Object.keys(DIMENSIONS) as Dimension[]), values: v.array(v.string()) })),
  totals: Totals,
  previous_totals: Totals,
  /** Every interval that the period touches, in order, empty ones too. The first and last may lie only partly within it. */
  series: v.array(v.object({ start: instant, ...figures })),
  funnel: v.array(v.object({ event: v.picklist(FUNNEL), events: count, previous: count })),
  breakdown: v.nullable(
    v.object({
      by: v.picklist(BREAKDOWNS),
      /** How many values there are; `rows` has those with the most events. */
      values: count,
      rows: v.array(v.object({ value: v.string(), ...figures })),
    }),
  ),
  /** Null where a filter names what histograms do not tell apart: they know site, backend, GPU and model. */
  percentiles: v.nullable(
    v.object({
      all: Metrics,
      by_gpu_class: v.array(v.object({ backend: v.string(), gpu_vendor: v.string(), gpu_architecture: v.string(), metrics: Metrics })),
    }),
  ),
  /** By finished pictures, the most first. */
  most_used: v.object({ subject: v.array(Share), style: v.array(Share), pair: v.array(Share), rule: v.array(Share) }),
  /** Failed runs by error code, the most first. */
  error_codes: v.array(Share),
  /** Studios opened and runs started in the last five minutes: there is no visitor's id to count visitors by. Whatever the period is. */
  live: v.object({ minutes: v.literal(LIVE_MINUTES), view: count, generate_start: count }),
});
export type Analytics = v.InferOutput<typeof Analytics>;
