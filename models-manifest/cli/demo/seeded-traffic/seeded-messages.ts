import type { TelemetryBatch } from '../../../../shared/telemetry.ts';
import { INCIDENT } from './audience.ts';
import { RandomSource } from './random-source.ts';
import { type Pair, type TimedEvent, visitEvents } from './visit-events.ts';
import { type SeededPeriod, type VisitTime, visitTimes } from './visit-times.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** Of one message: its rows fit a statement of D1. */
const MAX_EVENTS = 2000;

/** What the queue would hand to the Worker, only that many visits share a message. All its events are of one day (UTC), and none is after `received`. */
interface SeededMessage {
  site: string;
  /** Milliseconds since 1970. */
  received: number;
  batch: TelemetryBatch;
}

/** The messages of `visits` visits in the period: the same for the same seed and period. Events after its end are left out. */
export function seededMessages(seed: number, period: SeededPeriod, visits: number, pairs: readonly Pair[]): SeededMessage[] {
  const random = new RandomSource(seed, 1);
  const days = new Map<string, TimedEvent[]>();
  for (const visit of visitTimes(random, period, visits))
    for (const event of visitEvents(random, { ...visit, pairs, incident: isIncident(period, visit) })) {
      if (event.at >= period.end) continue;
      const key = `${visit.site.id} ${Math.floor(event.at / DAY_MS)}`;
      const day = days.get(key);
      if (day) day.push(event);
      else days.set(key, [event]);
    }
  return [...days].flatMap(([key, events]) => messagesOf(random, key.split(' ')[0]!, events));
}

function messagesOf(random: RandomSource, site: string, day: readonly TimedEvent[]): SeededMessage[] {
  const events = day.toSorted((a, b) => a.at - b.at);
  return Array.from({ length: Math.ceil(events.length / MAX_EVENTS) }, (_, i) => {
    const part = events.slice(i * MAX_EVENTS, (i + 1) * MAX_EVENTS);
    const received = part.at(-1)!.at;
    return { site, received, batch: { batch: random.uuid(), events: part.map(({ at, event }) => ({ ...event, age_ms: received - at })) } };
  });
}

function isIncident({ start, end }: SeededPeriod, { at }: VisitTime): boolean {
  const day = Math.floor((start + INCIDENT.at * (end - start)) / DAY_MS) * DAY_MS;
  return at >= day + INCIDENT.fromHour * HOUR_MS && at < day + INCIDENT.toHour * HOUR_MS;
}
