import { ALL_SITES, type Analytics, DIMENSIONS, type Dimension, PART_SEPARATOR } from '../../shared/analytics.ts';
import type { Period } from '../analytics/intervals.ts';
import { MEASURE_SUMS } from '../analytics/measure-sums.ts';

/** Values that a statement binds: texts of a request come into SQL only so. */
export class Parameters {
  readonly values: (string | number)[] = [];

  /** What stands for `value` in the SQL. */
  add(value: string | number): string {
    this.values.push(value);
    return `?${this.values.length}`;
  }
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** SQL for a dimension's value. `column` makes that of one column: raw events hold NULL where roll-ups hold `''`. */
export const dimensionSql = (dimension: Dimension, column = (name: string): string => name): string =>
  DIMENSIONS[dimension].map(column).join(` || ${literal(PART_SEPARATOR)} || `);

/** SQL that is true for rows of the site, or of any. */
export const ofSite = (site: string, parameters: Parameters): string =>
  site === ALL_SITES ? 'site IN (SELECT id FROM sites)' : `site = ${parameters.add(site)}`;

/** SQL that is true for rows of hours of the period. */
export const inPeriod = ({ from, to }: Period, parameters: Parameters): string =>
  `hour >= ${parameters.add(from)} AND hour < ${parameters.add(to)}`;

/** SQL that is true for rows that pass all filters. */
export const passing = (filters: Analytics['filters'], parameters: Parameters, column?: (name: string) => string): string =>
  ['TRUE', ...filters.map(({ dimension, values }) => oneOf(dimensionSql(dimension, column), values, parameters))].join(' AND ');

const oneOf = (sql: string, values: readonly string[], parameters: Parameters): string =>
  `(${sql}) IN (SELECT value FROM json_each(${parameters.add(JSON.stringify(values))}))`;

/** `SUM(...) AS name` of every measure, from `telemetry_hours`. */
export const MEASURE_SUMS_SQL = MEASURE_SUMS.map(({ name, column, event, codes }) => {
  const conditions = [
    ...(event === undefined ? [] : [`event = ${literal(event)}`]),
    ...(codes.length > 0 ? [`code IN (${codes.map(literal).join(', ')})`] : []),
  ];
  const filter = conditions.length > 0 ? ` FILTER (WHERE ${conditions.join(' AND ')})` : '';
  return `coalesce(SUM(${column})${filter}, 0) AS ${name}`;
}).join(', ');

/** The same from rows that have these sums already. */
export const SUMS_OF_SUMS_SQL = MEASURE_SUMS.map(({ name }) => `SUM(${name}) AS ${name}`).join(', ');
