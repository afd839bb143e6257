import { INTERVALS, type Interval, MAX_PERIOD_DAYS, MAX_POINTS } from '../../../shared/analytics.ts';

const DAY_MS = 86_400_000;

/** Periods up to now, by how many UTC days they touch. */
export const PRESETS = { today: 1, '7d': 7, '30d': 30, '90d': 90 } as const;
export type Preset = keyof typeof PRESETS;
export const PRESET_LABELS: Readonly<Record<Preset, string>> = { today: 'Today', '7d': '7 days', '30d': '30 days', '90d': '90 days' };

/** From the first to the last UTC day, both included: `2026-11-30`. */
export interface Days {
  from: string;
  to: string;
}

export type PeriodChoice = Preset | Days;

export const isPreset = (choice: PeriodChoice): choice is Preset => typeof choice === 'string';

/** @param now milliseconds since 1970 */
export const today = (now: number): string => new Date(now).toISOString().slice(0, 10);

/** The days of a choice, as they are at `now`. */
export function daysOf(choice: PeriodChoice, now: number): Days {
  return isPreset(choice) ? { from: today(now - (PRESETS[choice] - 1) * DAY_MS), to: today(now) } : choice;
}

const lengthOf = ({ from, to }: Days): number => Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS) + 1;

/** What is wrong with days that were typed; undefined where nothing is. */
export function refusalOf({ from, to }: Days): string | undefined {
  if (!isDay(from) || !isDay(to)) return 'Enter both days.';
  if (from > to) return 'The first day must not be after the last.';
  if (lengthOf({ from, to }) > MAX_PERIOD_DAYS) return `A period has at most ${MAX_PERIOD_DAYS} days.`;
  return undefined;
}

/** A day of the calendar, from 2000 to 2099. */
function isDay(text: string): boolean {
  const at = /^20\d\d-\d\d-\d\d$/.test(text) ? Date.parse(text) : NaN;
  return !Number.isNaN(at) && today(at) === text;
}

/** At least how long each is, so that no series is counted too short. */
const SHORTEST_MS: Readonly<Record<Interval, number>> = { hour: DAY_MS / 24, day: DAY_MS, week: 7 * DAY_MS, month: 28 * DAY_MS };

/** The intervals that the edge takes for such a period: none that would make too many points. */
export const intervalsFor = (days: Days): Interval[] =>
  INTERVALS.filter((interval) => (lengthOf(days) * DAY_MS) / SHORTEST_MS[interval] + 1 <= MAX_POINTS);
