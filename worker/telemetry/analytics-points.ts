import { TELEMETRY_COLUMNS, type TelemetryColumn } from '../../shared/telemetry.ts';
import type { TelemetryMessage } from './message.ts';

const names = Object.keys(TELEMETRY_COLUMNS) as TelemetryColumn[];

/** The columns of a point, in order: `blob1`... are the texts, `double1`... the numbers after `double1`, the time. */
export const ANALYTICS_BLOBS = names.filter((name) => TELEMETRY_COLUMNS[name].sql === 'TEXT');
export const ANALYTICS_DOUBLES = ['at', ...names.filter((name) => TELEMETRY_COLUMNS[name].sql !== 'TEXT')] as const;

/** Analytics Engine takes no more from one request. A visit's batch has about ten events; of a larger one the rest is in the database alone. */
const MAX_POINTS = 25;

/** Numbers that an event lacks: Analytics Engine has no NULL, and 0 is a duration. */
const ABSENT = -2;

/**
 * Writes the raw events of a batch as points of Analytics Engine, indexed by site. They are for exploring: a batch that a browser sends twice is
 * twice there, and Analytics Engine samples. Numbers to rely on come from the database.
 */
export function writePoints(dataset: AnalyticsEngineDataset, { site, received, batch }: TelemetryMessage): void {
  for (const event of batch.events.slice(0, MAX_POINTS)) {
    const values = { ...event, at: received - event.age_ms };
    dataset.writeDataPoint({
      indexes: [site],
      blobs: ANALYTICS_BLOBS.map((name) => (values[name] as string | undefined) ?? ''),
      doubles: ANALYTICS_DOUBLES.map((name) => (values[name] as number | undefined) ?? ABSENT),
    });
  }
}
