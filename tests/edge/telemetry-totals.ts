import { HISTOGRAM_KEYS, HOUR_KEYS, HOUR_TOTALS } from '../../worker/telemetry/roll-up.ts';
import { TELEMETRY_HISTOGRAMS } from '../../shared/telemetry.ts';
import type { Totals } from './expected-totals.ts';

const byName = (rows: (Totals & { name: string })[]): Record<string, Totals> =>
  Object.fromEntries(rows.map(({ name, ...totals }) => [name, totals]));

/** The totals of `expected-totals.ts`, from the rows of raw events. */
export async function totalsOfEvents(db: D1Database): Promise<Record<string, Totals>> {
  const rows = await db
    .prepare(
      `SELECT site || ' ' || event AS name, COUNT(*) AS events, SUM(coalesce(duration_ms, 0)) AS duration_ms, SUM(coalesce(bytes, 0)) AS bytes,
         SUM(coalesce(cached_bytes, 0)) AS cached_bytes, SUM(coalesce(steps, 0)) AS steps,
         CAST(SUM(round(coalesce(subject_share, 0) * 1e6)) AS INTEGER) AS subject_share_e6,
         CAST(SUM(round(coalesce(score_subject, 0) * 1e6)) AS INTEGER) AS score_subject_e6
       FROM telemetry_events GROUP BY site, event`,
    )
    .all<Totals & { name: string }>();
  return byName(rows.results);
}

/** The same from the hourly roll-ups. */
export async function totalsOfHours(db: D1Database): Promise<Record<string, Totals>> {
  const rows = await db
    .prepare(
      `SELECT site || ' ' || event AS name, SUM(events) AS events, SUM(duration_ms) AS duration_ms, SUM(bytes) AS bytes,
         SUM(cached_bytes) AS cached_bytes, SUM(steps) AS steps, SUM(subject_share_e6) AS subject_share_e6,
         SUM(score_subject_e6) AS score_subject_e6
       FROM telemetry_hours GROUP BY site, event`,
    )
    .all<Totals & { name: string }>();
  return byName(rows.results);
}

const HOUR = 'at - at % 3600000 AS hour';
const orEmpty = (name: string) => `coalesce(${name}, '') AS ${name}`;

/** `telemetry_hours` as SQL adds it up from the raw events. */
function hoursFromEvents(): string {
  const dimensions = HOUR_KEYS.filter((name) => name !== 'hour');
  const total = (name: string): string => {
    if (name === 'events') return 'COUNT(*)';
    if (name === 'cache_hits') return 'SUM(coalesce(bytes = 0 AND cached_bytes > 0, 0))';
    if (name.endsWith('_n')) return `COUNT(${name.slice(0, -2)})`;
    if (name.endsWith('_e6')) return `CAST(SUM(round(coalesce(${name.slice(0, -3)}, 0) * 1e6)) AS INTEGER)`;
    return `SUM(coalesce(${name}, 0))`;
  };
  return `SELECT site, ${HOUR}, ${dimensions.map(orEmpty).join(', ')}, ${HOUR_TOTALS.map(total).join(', ')}
    FROM telemetry_events GROUP BY site, hour, ${dimensions.map((name) => `coalesce(${name}, '')`).join(', ')}`;
}

const columnsOf = (keys: readonly string[], totals: readonly string[]) => ['site', ...keys, ...totals].join(', ');

/** How many rows of `telemetry_hours` are not what SQL adds up from the raw events, in either direction. */
export async function hoursThatDiffer(db: D1Database): Promise<number> {
  const own = `SELECT ${columnsOf(HOUR_KEYS, HOUR_TOTALS)} FROM telemetry_hours`;
  return countDifferences(db, own, hoursFromEvents());
}

/** The same of the counts in `telemetry_histograms`, whose buckets SQL cannot name: by all other keys. */
export async function histogramsThatDiffer(db: D1Database): Promise<number> {
  const dimensions = HISTOGRAM_KEYS.filter((name) => !['hour', 'metric', 'bucket'].includes(name));
  const groups = `site, hour, metric, ${dimensions.join(', ')}`;
  const own = `SELECT ${groups}, SUM(events) FROM telemetry_histograms GROUP BY ${groups}`;
  const metrics = Object.entries(TELEMETRY_HISTOGRAMS).map(
    ([metric, { event, column }]) => `
      SELECT site, ${HOUR}, '${metric}' AS metric, ${dimensions.map(orEmpty).join(', ')} FROM telemetry_events
      WHERE event = '${event}' AND ${column} IS NOT NULL`,
  );
  return countDifferences(db, own, `SELECT ${groups}, COUNT(*) FROM (${metrics.join(' UNION ALL ')}) GROUP BY ${groups}`);
}

async function countDifferences(db: D1Database, one: string, other: string): Promise<number> {
  const query = `
    WITH one AS (${one}), other AS (${other})
    SELECT (SELECT COUNT(*) FROM (SELECT * FROM one EXCEPT SELECT * FROM other))
         + (SELECT COUNT(*) FROM (SELECT * FROM other EXCEPT SELECT * FROM one)) AS differences`;
  return (await db.prepare(query).first<number>('differences'))!;
}
