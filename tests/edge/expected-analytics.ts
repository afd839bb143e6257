/** The figures of the analytics route as anybody would work them out from raw events, without the roll-ups and without SQL. */
import { exactQuantile } from '../../shared/nearest-rank.ts';

/** A row of `telemetry_events`. */
export type RawEvent = Record<string, string | number | null>;

const isOf = (event: string) => (row: RawEvent) => row.event === event;
const text = (row: RawEvent, column: string): string => String(row[column] ?? '');

/** A dimension's value of an event. */
export function valueOf(row: RawEvent, dimension: string): string {
  if (dimension === 'pair') return `${text(row, 'subject')}/${text(row, 'style')}`;
  if (dimension === 'gpu_class') return `${text(row, 'gpu_vendor')}/${text(row, 'gpu_architecture')}`;
  return text(row, dimension);
}

const EVENTS = [
  'view',
  'consent',
  'ready',
  'download',
  'generate_start',
  'generate_step_summary',
  'generate_complete',
  'generate_error',
  'cancel',
];
const MEANS = ['subject_share', 'guidance', 'score_subject', 'score_style'];

const sum = (rows: readonly RawEvent[], column: string): number => rows.reduce((total, row) => total + Number(row[column] ?? 0), 0);
const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);

function mean(rows: readonly RawEvent[], column: string): number | null {
  const values = rows.flatMap((row) => (row[column] === null ? [] : [Math.round(Number(row[column]) * 1e6)]));
  return share(values.reduce((total, value) => total + value, 0) / 1e6, values.length);
}

export function figuresOf(rows: readonly RawEvent[]): Record<string, number | null> {
  const downloads = rows.filter(isOf('download'));
  const bytes = sum(downloads, 'bytes');
  const cached = sum(downloads, 'cached_bytes');
  const hits = downloads.filter((row) => row.bytes === 0 && Number(row.cached_bytes) > 0).length;
  const unsupported = rows.filter(
    (row) => row.event === 'generate_error' && (row.code === 'webgpu_unavailable' || row.code === 'model_too_large_for_wasm'),
  ).length;
  return {
    events: rows.length,
    ...Object.fromEntries(EVENTS.map((event) => [event, rows.filter(isOf(event)).length])),
    bytes,
    cached_bytes: cached,
    cache_hits: hits,
    unsupported,
    ...Object.fromEntries(MEANS.map((column) => [column, mean(rows.filter(isOf('generate_complete')), column)])),
    cache_share: share(cached, bytes + cached),
    cache_hit_share: share(hits, downloads.length),
    unsupported_share: share(unsupported, rows.filter(isOf('view')).length),
  };
}

/** Events by a dimension's value, the most first, equal ones in the order of the value. */
export function countsBy(rows: readonly RawEvent[], dimension: string): { value: string; events: number }[] {
  const groups = Map.groupBy(rows, (row) => valueOf(row, dimension));
  return [...groups]
    .map(([value, { length }]) => ({ value, events: length }))
    .toSorted((a, b) => b.events - a.events || (a.value < b.value ? -1 : 1));
}

const isoDay = (at: number): string => new Date(at).toISOString().slice(0, 10);

/** The first instant of the interval that `at` lies in, found by the calendar. */
export function startOf(interval: string, at: number): string {
  if (interval === 'hour') return `${new Date(at).toISOString().slice(0, 13)}:00:00.000Z`;
  if (interval === 'month') return `${isoDay(at).slice(0, 7)}-01T00:00:00.000Z`;
  const sinceMonday = (new Date(at).getUTCDay() + 6) % 7;
  return `${isoDay(interval === 'week' ? at - sinceMonday * 86_400_000 : at)}T00:00:00.000Z`;
}

const METRICS = {
  ready: ['ready', 'duration_ms'],
  load: ['generate_complete', 'load_ms'],
  step: ['generate_step_summary', 'step_p50_ms'],
  total: ['generate_complete', 'duration_ms'],
} as const;

/** How many have the metric, and its exact quantiles. */
export function quantilesOf(
  rows: readonly RawEvent[],
): Record<keyof typeof METRICS, { events: number; p50: number | null; p95: number | null }> {
  const entries = Object.entries(METRICS).map(([metric, [event, column]]) => {
    const values = rows.filter(isOf(event)).flatMap((row) => (row[column] === null ? [] : [Number(row[column])]));
    const at = (q: number): number | null => (values.length > 0 ? exactQuantile(values, q) : null);
    return [metric, { events: values.length, p50: at(0.5), p95: at(0.95) }];
  });
  return Object.fromEntries(entries);
}
