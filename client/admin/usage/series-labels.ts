import type { Analytics, Interval } from '../../../shared/analytics.ts';
import { dayText, hourText, instantText, longDayText, monthText } from '../number-text.ts';

/** What stands under the axis of time. */
export function axisLabel({ interval, period }: Pick<Analytics, 'interval' | 'period'>, start: string): string {
  if (interval === 'month') return monthText(start);
  if (interval !== 'hour') return dayText(start);
  const isShort = Date.parse(period.to) - Date.parse(period.from) <= 2 * 86_400_000;
  return isShort ? hourText(start) : `${dayText(start)}, ${hourText(start)}`;
}

/** An interval by its whole name: in tooltips and tables. */
export function intervalLabel(interval: Interval, start: string): string {
  if (interval === 'hour') return instantText(start);
  if (interval === 'month') return monthText(start);
  return interval === 'week' ? `Week of ${longDayText(start)}` : longDayText(start);
}
