import { ALL_SITES } from '../../../shared/analytics.ts';
import { filterText, type ViewState } from '../view-state.ts';
import { daysOf, intervalsFor, isPreset } from './period.ts';

/** Rows of a breakdown and of each list of the most used. */
const ROWS = 10;

/**
 * The path and query by which the edge answers what the page shows.
 *
 * @param now milliseconds since 1970
 */
export function analyticsPath({ site = ALL_SITES, period, interval, breakdown, filters }: ViewState, now: number): string {
  const days = daysOf(period, now);
  const search = new URLSearchParams({ from: days.from, limit: String(ROWS), breakdown });
  // Without an end the period ends now, so that the one before is as long as what there is of it.
  if (!isPreset(period)) search.set('to', days.to);
  if (interval && intervalsFor(days).includes(interval)) search.set('interval', interval);
  for (const filter of filters) search.append('filter', filterText(filter));
  return `/v1/sites/${site}/analytics?${search}`;
}

const HOUR_MS = 3_600_000;

/** The cheapest question whose answer has the live count: that of an hour. */
export function livePath({ site = ALL_SITES, filters }: ViewState, now: number): string {
  const search = new URLSearchParams({ from: new Date(now - HOUR_MS).toISOString(), limit: '1' });
  for (const filter of filters) search.append('filter', filterText(filter));
  return `/v1/sites/${site}/analytics?${search}`;
}
