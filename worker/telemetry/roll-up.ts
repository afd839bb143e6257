import { bucketOf } from '../../shared/histogram.ts';
import { TELEMETRY_COLUMNS, TELEMETRY_HISTOGRAMS, type TelemetryColumn, type TelemetryEvent } from '../../shared/telemetry.ts';

const HOUR_MS = 3_600_000;

const namesOf = (roll: 'dimension' | 'sum'): TelemetryColumn[] =>
  (Object.keys(TELEMETRY_COLUMNS) as TelemetryColumn[]).filter((name) => TELEMETRY_COLUMNS[name].roll === roll);

const DIMENSIONS = namesOf('dimension');

/** How a column is added up: REAL ones as whole millionths, so that sums are exact and do not depend on the order. */
export const SUMS = namesOf('sum').map((name) => {
  const scale = TELEMETRY_COLUMNS[name].sql === 'REAL' ? 1_000_000 : 1;
  return { name, scale, total: scale === 1 ? name : `${name}_e6`, count: `${name}_n` };
});

export const HISTOGRAM_DIMENSIONS = ['backend', 'gpu_vendor', 'gpu_architecture', 'model'] as const satisfies readonly TelemetryColumn[];

/** Columns of `telemetry_hours` after `site`: those that tell rows apart, and those that are added up. */
export const HOUR_KEYS = ['hour', ...DIMENSIONS] as const;
export const HOUR_TOTALS: readonly string[] = ['events', 'cache_hits', ...SUMS.flatMap(({ total, count }) => [total, count])];

/** The same of `telemetry_histograms`. */
export const HISTOGRAM_KEYS = ['hour', 'metric', ...HISTOGRAM_DIMENSIONS, 'bucket'] as const;
export const HISTOGRAM_TOTALS = ['events'] as const;

type Row = Record<string, string | number>;

/** What a batch adds to the roll-ups: rows of `telemetry_hours` and `telemetry_histograms` without their site. */
interface RollUp {
  hours: Row[];
  histograms: Row[];
}

/** @param received milliseconds since 1970; an event happened `age_ms` before */
export function rollUp(events: readonly TelemetryEvent[], received: number): RollUp {
  const hours = new Map<string, Row>();
  const histograms = new Map<string, Row>();
  for (const event of events) {
    const at = received - event.age_ms;
    const hour = at - (at % HOUR_MS);
    add(hours, { hour, ...pick(event, DIMENSIONS) }, totalsOf(event));
    for (const [metric, source] of Object.entries(TELEMETRY_HISTOGRAMS)) {
      const ms = event[source.column];
      if (event.event !== source.event || ms === undefined) continue;
      add(histograms, { hour, metric, ...pick(event, HISTOGRAM_DIMENSIONS), bucket: bucketOf(ms) }, { events: 1 });
    }
  }
  return { hours: [...hours.values()], histograms: [...histograms.values()] };
}

const pick = (event: TelemetryEvent, names: readonly TelemetryColumn[]): Row =>
  Object.fromEntries(names.map((name) => [name, event[name] ?? '']));

function totalsOf(event: TelemetryEvent): Record<string, number> {
  const cacheHits = event.bytes === 0 && (event.cached_bytes ?? 0) > 0 ? 1 : 0;
  const totals: Record<string, number> = { events: 1, cache_hits: cacheHits };
  for (const { name, scale, total, count } of SUMS) {
    const value = event[name] as number | undefined;
    totals[total] = value === undefined ? 0 : Math.round(value * scale);
    totals[count] = value === undefined ? 0 : 1;
  }
  return totals;
}

function add(rows: Map<string, Row>, keys: Row, totals: Record<string, number>): void {
  const name = JSON.stringify(Object.values(keys));
  const row = rows.get(name);
  if (!row) rows.set(name, { ...keys, ...totals });
  else for (const [total, value] of Object.entries(totals)) row[total] = (row[total] as number) + value;
}
