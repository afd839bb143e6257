import * as v from 'valibot';
import {
  BREAKDOWNS,
  DEFAULT_LIMIT,
  DEFAULT_PERIOD_DAYS,
  DIMENSIONS,
  type Analytics,
  type Breakdown,
  type Dimension,
  FORMATS,
  INTERVALS,
  type Interval,
  MAX_LIMIT,
  MAX_PERIOD_DAYS,
  MAX_POINTS,
} from '../../shared/analytics.ts';
import { DiptychError } from '../../shared/errors.ts';
import { readInstant } from './instant.ts';
import { DAY_MS, HOUR_MS, type Period, startsOf } from './intervals.ts';

/** What is asked of a site's telemetry. */
export interface AnalyticsQuery {
  /** A site's id, or `all`. */
  site: string;
  /** Of whole hours: the roll-ups know no less. */
  period: Period;
  interval: Interval;
  breakdown: Breakdown | undefined;
  filters: Analytics['filters'];
  limit: number;
}

type Format = (typeof FORMATS)[number];

const MAX_FILTERS = 20;
const MAX_FILTER_LENGTH = 200;
/** Intervals that are taken when none is named: the first for periods up to so many days. */
const DEFAULT_INTERVALS = [
  { days: 2, interval: 'hour' },
  { days: 180, interval: 'day' },
  { days: MAX_PERIOD_DAYS, interval: 'week' },
] as const;

const oneOf = <const T extends readonly string[]>(list: T) =>
  v.picklist(list, ({ input }) => `is not one of ${list.join(', ')}${shown(input)}`);

const Parameters = v.strictObject({
  from: v.optional(v.string()),
  to: v.optional(v.string()),
  interval: v.optional(oneOf(INTERVALS)),
  breakdown: v.optional(oneOf(BREAKDOWNS)),
  limit: v.optional(
    v.pipe(
      v.string(),
      v.check(
        (text) => /^\d{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= MAX_LIMIT,
        `is not a whole number from 1 to ${MAX_LIMIT}`,
      ),
      v.transform(Number),
    ),
    String(DEFAULT_LIMIT),
  ),
  format: v.optional(oneOf(FORMATS), 'json'),
});

const shown = (received: unknown): string => `, but ${JSON.stringify(received)?.slice(0, 60)}`;

/**
 * The query of `GET /v1/sites/:id/analytics`.
 *
 * @param now milliseconds since 1970, where the period ends unless it is told
 * @throws `request_invalid` naming the parameter
 */
export function readQuery(site: string, search: URLSearchParams, now: number): AnalyticsQuery & { format: Format } {
  const { from, to, interval, breakdown, limit, format } = readParameters(search);
  const period = readPeriod(from, to, now);
  return {
    site,
    period,
    interval: settleInterval(interval, period),
    breakdown,
    filters: readFilters(search.getAll('filter')),
    limit,
    format,
  };
}

function readParameters(search: URLSearchParams): v.InferOutput<typeof Parameters> {
  const names = [...new Set(search.keys())].filter((name) => name !== 'filter');
  for (const name of names) {
    if (!Object.hasOwn(Parameters.entries, name))
      throw refused(name, `is no parameter of this route; it takes ${Object.keys(Parameters.entries).join(', ')}, filter`);
    if (search.getAll(name).length > 1) throw refused(name, 'is given twice; only filter may be repeated');
  }
  const result = v.safeParse(Parameters, Object.fromEntries(names.map((name) => [name, search.get(name)])), { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw refused(v.getDotPath(issue) ?? 'query', issue.message);
}

function readPeriod(fromText: string | undefined, toText: string | undefined, now: number): Period {
  const end = toText === undefined ? now : readInstant('to', toText, { wholeDay: true });
  const to = Math.ceil(end / HOUR_MS) * HOUR_MS;
  const begin = fromText === undefined ? to - DEFAULT_PERIOD_DAYS * DAY_MS : readInstant('from', fromText, { wholeDay: false });
  const from = Math.floor(begin / HOUR_MS) * HOUR_MS;
  if (from >= to) throw refused('from', `${iso(from)} is not before the period’s end, ${iso(to)}`);
  if (to - from > MAX_PERIOD_DAYS * DAY_MS)
    throw refused('from', `the period is longer than ${MAX_PERIOD_DAYS} days, from ${iso(from)} to ${iso(to)}`);
  return { from, to };
}

function settleInterval(wanted: Interval | undefined, period: Period): Interval {
  const days = (period.to - period.from) / DAY_MS;
  const interval = wanted ?? DEFAULT_INTERVALS.find((each) => days <= each.days)!.interval;
  const points = startsOf(interval, period).length;
  if (points > MAX_POINTS)
    throw refused(
      'interval',
      `${interval} makes ${points} points of this period, the limit is ${MAX_POINTS}; take a longer interval or a shorter period`,
    );
  return interval;
}

/** `backend=webgpu` and the like; several values of one dimension are alternatives. */
function readFilters(texts: readonly string[]): AnalyticsQuery['filters'] {
  if (texts.length > MAX_FILTERS) throw refused('filter', `${texts.length} are given, the limit is ${MAX_FILTERS}`);
  const filters = new Map<Dimension, string[]>();
  for (const text of texts) {
    const [name, value] = [text.split('=', 1)[0]!, text.slice(text.indexOf('=') + 1)];
    if (!text.includes('=') || !isDimension(name))
      throw refused(
        'filter',
        `${JSON.stringify(text.slice(0, 60))} is not of the form dimension=value, of ${Object.keys(DIMENSIONS).join(', ')}`,
      );
    if (value.length > MAX_FILTER_LENGTH) throw refused('filter', `the value of ${name} is longer than ${MAX_FILTER_LENGTH} characters`);
    filters.set(name, [...(filters.get(name) ?? []), value]);
  }
  return [...filters].map(([dimension, values]) => ({ dimension, values }));
}

const isDimension = (name: string): name is Dimension => Object.hasOwn(DIMENSIONS, name);

const iso = (at: number): string => new Date(at).toISOString();

const refused = (field: string, what: string): DiptychError =>
  new DiptychError('request_invalid', `${field.slice(0, 60)}: ${what}.`, { field: field.slice(0, 60) });
