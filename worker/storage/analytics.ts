import { ALL_SITES, LIVE_MINUTES, MAX_GPU_CLASSES } from '../../shared/analytics.ts';
import { DAY_MS, HOUR_MS, periodBefore } from '../analytics/intervals.ts';
import type { Sums } from '../analytics/measure-sums.ts';
import type { AnalyticsQuery } from '../analytics/query.ts';
import { HISTOGRAM_DIMENSIONS } from '../telemetry/roll-up.ts';
import { dimensionSql, inPeriod, MEASURE_SUMS_SQL, ofSite, Parameters, passing, SUMS_OF_SUMS_SQL } from './analytics-sql.ts';

/** Sums of the hours or days that begin at `start`, milliseconds since 1970; all of the period before have the `start` `BEFORE`. */
export type PointRow = Sums & { start: number };
export const BEFORE = -1;

/** `values`: how many values of the dimension there are in all. */
type BreakdownRow = Sums & { value: string; values: number };

export interface UsedRow {
  part: string;
  value: string;
  events: number;
}

/** Backend and GPU are null in the rows of all together. */
export interface BucketRow {
  metric: string;
  backend: string | null;
  gpu_vendor: string | null;
  gpu_architecture: string | null;
  bucket: number;
  events: number;
}

export interface AnalyticsRows {
  /** One row, unless there is no such site. */
  site: unknown[];
  points: PointRow[];
  used: UsedRow[];
  breakdown: BreakdownRow[];
  buckets: BucketRow[] | undefined;
  live: { event: string; events: number }[];
}

/** Whether histograms tell apart what the query filters by. */
const histogramsKnow = ({ filters }: AnalyticsQuery): boolean => filters.every(({ dimension }) => HISTOGRAM_FILTERS.has(dimension));
const HISTOGRAM_FILTERS = new Set<string>([...HISTOGRAM_DIMENSIONS, 'gpu_class', 'site']);

/**
 * All that an answer is made of, read in one transaction of at most six statements.
 *
 * @param now milliseconds since 1970
 */
export async function readAnalytics(db: D1Database, query: AnalyticsQuery, now: number): Promise<AnalyticsRows> {
  const statements = {
    site: selectSite(db, query),
    points: selectPoints(db, query),
    used: selectUsed(db, query),
    live: selectLive(db, query, now),
    ...(query.breakdown && { breakdown: selectBreakdown(db, query, dimensionSql(query.breakdown)) }),
    ...(histogramsKnow(query) && { buckets: selectBuckets(db, query) }),
  };
  const results = await db.batch(Object.values(statements));
  const rows = Object.fromEntries(Object.keys(statements).map((name, i) => [name, results[i]!.results]));
  return { breakdown: [], buckets: undefined, ...rows } as unknown as AnalyticsRows;
}

const selectSite = (db: D1Database, { site }: AnalyticsQuery): D1PreparedStatement =>
  db.prepare('SELECT 1 WHERE ?1 = ?2 OR EXISTS (SELECT 1 FROM sites WHERE id = ?1)').bind(site, ALL_SITES);

/** The rows lie in the order of site and hour, so the inner sums need no sorting, and the outer sort has a row an hour. */
function selectPoints(db: D1Database, { site, period, interval, filters }: AnalyticsQuery): D1PreparedStatement {
  const parameters = new Parameters();
  const from = parameters.add(period.from);
  const step = parameters.add(interval === 'hour' ? HOUR_MS : DAY_MS);
  const sql = `
    WITH hours AS MATERIALIZED (
      SELECT hour, ${MEASURE_SUMS_SQL} FROM telemetry_hours
      WHERE ${ofSite(site, parameters)} AND ${inPeriod({ from: periodBefore(period).from, to: period.to }, parameters)}
        AND ${passing(filters, parameters)}
      GROUP BY site, hour
    )
    SELECT iif(hour < ${from}, ${BEFORE}, hour - hour % ${step}) AS start, ${SUMS_OF_SUMS_SQL} FROM hours GROUP BY 1`;
  return db.prepare(sql).bind(...parameters.values);
}

/** The lists of an answer: of which events, by which dimension. */
const USED = {
  subject: { event: 'generate_complete', dimension: 'subject' },
  style: { event: 'generate_complete', dimension: 'style' },
  pair: { event: 'generate_complete', dimension: 'pair' },
  rule: { event: 'generate_complete', dimension: 'rule' },
  code: { event: 'generate_error', dimension: 'code' },
} as const;

function selectUsed(db: D1Database, { site, period, filters, limit }: AnalyticsQuery): D1PreparedStatement {
  const parameters = new Parameters();
  const rows = parameters.add(limit);
  const lists = Object.entries(USED).map(
    ([part, { event, dimension }]) => `
      SELECT * FROM (
        SELECT '${part}' AS part, ${dimensionSql(dimension)} AS value, SUM(events) AS events FROM used WHERE event = '${event}'
        GROUP BY value ORDER BY events DESC, value LIMIT ${rows}
      )`,
  );
  const sql = `
    WITH used AS MATERIALIZED (
      SELECT event, subject, style, rule, code, SUM(events) AS events FROM telemetry_hours
      WHERE ${ofSite(site, parameters)} AND ${inPeriod(period, parameters)} AND event IN ('generate_complete', 'generate_error')
        AND ${passing(filters, parameters)}
      GROUP BY event, subject, style, rule, code
    )
    ${lists.join(' UNION ALL ')}`;
  return db.prepare(sql).bind(...parameters.values);
}

function selectBreakdown(db: D1Database, { site, period, filters, limit }: AnalyticsQuery, value: string): D1PreparedStatement {
  const parameters = new Parameters();
  const sql = `
    SELECT ${value} AS value, COUNT(*) OVER () AS "values", ${MEASURE_SUMS_SQL} FROM telemetry_hours
    WHERE ${ofSite(site, parameters)} AND ${inPeriod(period, parameters)} AND ${passing(filters, parameters)}
    GROUP BY 1 ORDER BY SUM(events) DESC, 1 LIMIT ${parameters.add(limit)}`;
  return db.prepare(sql).bind(...parameters.values);
}

function selectBuckets(db: D1Database, { site, period, filters }: AnalyticsQuery): D1PreparedStatement {
  const parameters = new Parameters();
  const gpu = 'backend, gpu_vendor, gpu_architecture';
  const sql = `
    WITH counted AS MATERIALIZED (
      SELECT metric, ${gpu}, bucket, SUM(events) AS events FROM telemetry_histograms
      WHERE ${ofSite(site, parameters)} AND ${inPeriod(period, parameters)} AND ${passing(filters, parameters)}
      GROUP BY metric, ${gpu}, bucket
    ), classes AS (
      SELECT ${gpu}, row_number() OVER (ORDER BY SUM(events) DESC, ${gpu}) AS place FROM counted GROUP BY ${gpu}
    )
    SELECT metric, NULL AS backend, NULL AS gpu_vendor, NULL AS gpu_architecture, bucket, SUM(events) AS events FROM counted
    GROUP BY metric, bucket
    UNION ALL
    SELECT * FROM (
      SELECT metric, ${gpu}, bucket, events FROM counted JOIN classes USING (${gpu}) WHERE place <= ${MAX_GPU_CLASSES} ORDER BY place
    )`;
  return db.prepare(sql).bind(...parameters.values);
}

/** The index by time is named: by the primary key it would read all that the site has. */
function selectLive(db: D1Database, { site, filters }: AnalyticsQuery, now: number): D1PreparedStatement {
  const parameters = new Parameters();
  const column = (name: string): string => `coalesce(${name}, '')`;
  const sql = `
    SELECT event, COUNT(*) AS events FROM telemetry_events INDEXED BY telemetry_events_by_time
    WHERE at >= ${parameters.add(now - LIVE_MINUTES * 60_000)} AND event IN ('view', 'generate_start')
      AND ${ofSite(site, parameters)} AND ${passing(filters, parameters, column)}
    GROUP BY event`;
  return db.prepare(sql).bind(...parameters.values);
}
