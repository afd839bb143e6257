import { expect, test } from 'vitest';
import { daysOf, intervalsFor, refusalOf } from '../../../client/admin/usage/period.ts';
import { startsOf } from '../../../worker/analytics/intervals.ts';
import { INTERVALS, MAX_POINTS } from '../../../shared/analytics.ts';

const DAY_MS = 86_400_000;

test.for([
  ['today', '2026-03-01T00:00:00Z', { from: '2026-03-01', to: '2026-03-01' }],
  ['today', '2026-03-01T23:59:59.999Z', { from: '2026-03-01', to: '2026-03-01' }],
  ['7d', '2026-03-01T12:00:00Z', { from: '2026-02-23', to: '2026-03-01' }],
  ['90d', '2026-03-01T12:00:00Z', { from: '2025-12-02', to: '2026-03-01' }],
] as const)('%s at %s', ([preset, now, days]) => expect(daysOf(preset, Date.parse(now))).toEqual(days));

test.for([
  [{ from: '2026-02-28', to: '2026-02-28' }, undefined],
  [{ from: '2026-02-29', to: '2026-03-01' }, 'Enter both days.'],
  [{ from: '', to: '2026-03-01' }, 'Enter both days.'],
  [{ from: '2026-03-02', to: '2026-03-01' }, 'The first day must not be after the last.'],
  [{ from: '2020-01-01', to: '2022-12-31' }, undefined],
  [{ from: '2020-01-01', to: '2023-01-01' }, 'A period has at most 1096 days.'],
] as const)('%j: %s', ([days, refusal]) => expect(refusalOf(days)).toBe(refusal));

test.for([1, 2, 7, 31, 32, 90, 400, 749, 750, 1096])('for %d days only intervals are offered that the edge takes', (length) => {
  // The hour that `now` is in may lie past the last full one.
  const from = Date.parse('2024-02-28');
  const days = { from: '2024-02-28', to: new Date(from + (length - 1) * DAY_MS).toISOString().slice(0, 10) };
  const offered = intervalsFor(days);
  for (const interval of offered)
    expect(startsOf(interval, { from, to: from + length * DAY_MS }).length, interval).toBeLessThanOrEqual(MAX_POINTS);
  expect(offered).toContain('week');
  // What is left out would have made too many, or nearly so.
  for (const interval of INTERVALS.filter((each) => !offered.includes(each)))
    expect(startsOf(interval, { from, to: from + length * DAY_MS }).length, interval).toBeGreaterThanOrEqual(MAX_POINTS);
});
