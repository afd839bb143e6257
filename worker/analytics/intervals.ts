import type { Interval } from '../../shared/analytics.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;
/** 1970 began on a Thursday. */
const FIRST_MONDAY_MS = 4 * DAY_MS;

/** From `from` up to, and without, `to`; milliseconds since 1970. */
export interface Period {
  from: number;
  to: number;
}

/** Where the interval begins that `at` lies in, by UTC; weeks begin on Monday (ISO 8601). Milliseconds since 1970. */
export function startOf(interval: Interval, at: number): number {
  if (interval === 'hour') return at - (at % HOUR_MS);
  if (interval === 'day') return at - (at % DAY_MS);
  if (interval === 'week') return at - ((at - FIRST_MONDAY_MS) % WEEK_MS);
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
}

function next(interval: Interval, start: number): number {
  if (interval === 'hour') return start + HOUR_MS;
  if (interval === 'day') return start + DAY_MS;
  if (interval === 'week') return start + WEEK_MS;
  const date = new Date(start);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
}

/** The beginnings of all intervals that the period touches, in order. */
export function startsOf(interval: Interval, { from, to }: Period): number[] {
  const starts: number[] = [];
  for (let start = startOf(interval, from); start < to; start = next(interval, start)) starts.push(start);
  return starts;
}

/** As long, and just before. */
export const periodBefore = ({ from, to }: Period): Period => ({ from: from - (to - from), to: from });
