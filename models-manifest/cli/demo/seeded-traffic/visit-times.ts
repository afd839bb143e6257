import { GROWTH, LAUNCH, SEEDED_SITES, type SeededSite } from './audience.ts';
import { RandomSource } from './random-source.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** From the first instant of a day (UTC) up to `end`; milliseconds since 1970. */
export interface SeededPeriod {
  start: number;
  end: number;
}

export interface VisitTime {
  site: SeededSite;
  /** Milliseconds since 1970. */
  at: number;
}

/** When `visits` visits come, spread over sites and hours by the rhythm of day and week, growth, a launch, and chance. */
export function visitTimes(random: RandomSource, period: SeededPeriod, visits: number): VisitTime[] {
  const hours = SEEDED_SITES.flatMap((site) => hoursOf(random, site, period));
  const total = hours.reduce((sum, { weight }) => sum + weight, 0);
  const times: VisitTime[] = [];
  let passed = 0;
  for (const { site, hour, length, weight } of hours) {
    passed += weight;
    // Rounding the running sum, not each hour's part: the whole is exactly `visits`.
    while (times.length < Math.round((visits * passed) / total)) times.push({ site, at: Math.floor(hour + random.uniform() * length) });
  }
  return times;
}

function hoursOf(random: RandomSource, site: SeededSite, { start, end }: SeededPeriod) {
  const hours: { site: SeededSite; hour: number; length: number; weight: number }[] = [];
  for (let hour = start; hour < end; hour += HOUR_MS) {
    const length = Math.min(HOUR_MS, end - hour);
    hours.push({ site, hour, length, weight: (length / HOUR_MS) * busyness(site, hour, { start, end }) * random.logNormal(1, 0.18) });
  }
  return hours;
}

function busyness(site: SeededSite, hour: number, { start, end }: SeededPeriod): number {
  const passed = (hour - start) / (end - start);
  if (passed < site.opens) return 0;
  const hourOfDay = (hour % DAY_MS) / HOUR_MS;
  // 1 at the peak, 0.06 twelve hours from it.
  const ofDay = 0.06 + 0.94 * ((1 + Math.cos(((hourOfDay - site.peakHour) / 12) * Math.PI)) / 2) ** 1.5;
  const weekday = new Date(hour).getUTCDay();
  const ofWeek = weekday === 0 || weekday === 6 ? site.weekend : 1;
  return site.weight * ofDay * ofWeek * GROWTH ** passed * launchFactor(site, hour, { start, end });
}

function launchFactor(site: SeededSite, hour: number, { start, end }: SeededPeriod): number {
  const since = (hour - (start + LAUNCH.at * (end - start))) / DAY_MS;
  return site.id === LAUNCH.site && since >= 0 ? 1 + LAUNCH.factor * Math.exp(-since / LAUNCH.fadeDays) : 1;
}
