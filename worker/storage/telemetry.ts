import { TELEMETRY_COLUMNS } from '../../shared/telemetry.ts';
import type { TelemetryMessage } from '../telemetry/message.ts';
import { HISTOGRAM_KEYS, HISTOGRAM_TOTALS, HOUR_KEYS, HOUR_TOTALS, rollUp } from '../telemetry/roll-up.ts';

const EVENT_COLUMNS = Object.keys(TELEMETRY_COLUMNS);

/** `?1` is the site, `?2` the batch. What follows adds nothing when the batch is there already. */
const UNLESS_COUNTED = 'WHERE NOT EXISTS (SELECT 1 FROM telemetry_batches WHERE site = ?1 AND batch = ?2)';

/**
 * All events of a batch as one JSON array: D1 takes 100 bound parameters a statement, which a few rows would fill. Names come from the schema
 * alone.
 */
const INSERT_EVENTS = `
  INSERT INTO telemetry_events (site, batch, position, at, ${EVENT_COLUMNS.join(', ')})
  SELECT ?1, ?2, event.key, ?4 - (event.value ->> '$.age_ms'), ${EVENT_COLUMNS.map((name) => `event.value ->> '$.${name}'`).join(', ')}
  FROM json_each(?3) AS event
  ${UNLESS_COUNTED}`;

const ADD_TO_HOURS = addRows('telemetry_hours', HOUR_KEYS, HOUR_TOTALS);
const ADD_TO_HISTOGRAMS = addRows('telemetry_histograms', HISTOGRAM_KEYS, HISTOGRAM_TOTALS);

const INSERT_BATCH = 'INSERT INTO telemetry_batches (site, batch, received) VALUES (?1, ?2, ?3) ON CONFLICT (site, batch) DO NOTHING';

/** Adds the rows of the JSON array `?3` to those of the table that have the same keys. */
function addRows(table: string, keys: readonly string[], totals: readonly string[]): string {
  const columns = [...keys, ...totals];
  return `
    INSERT INTO ${table} (site, ${columns.join(', ')})
    SELECT ?1, ${columns.map((name) => `row.value ->> '$.${name}'`).join(', ')} FROM json_each(?3) AS row
    ${UNLESS_COUNTED}
    ON CONFLICT (site, ${keys.join(', ')}) DO UPDATE SET ${totals.map((name) => `${name} = ${name} + excluded.${name}`).join(', ')}`;
}

/**
 * Writes batches, their events and what they add to the roll-ups in one transaction: all of it or nothing, and nothing of a batch that is there.
 * Queues deliver at least once, and browsers may send twice.
 */
export async function writeBatches(db: D1Database, messages: readonly TelemetryMessage[]): Promise<void> {
  await db.batch(messages.flatMap((message) => statementsOf(db, message)));
}

/** The batch's own row comes last: until it is there, the other statements count. */
function statementsOf(db: D1Database, { site, received, batch: { batch, events } }: TelemetryMessage): D1PreparedStatement[] {
  const { hours, histograms } = rollUp(events, received);
  return [
    db.prepare(INSERT_EVENTS).bind(site, batch, JSON.stringify(events), received),
    db.prepare(ADD_TO_HOURS).bind(site, batch, JSON.stringify(hours)),
    db.prepare(ADD_TO_HISTOGRAMS).bind(site, batch, JSON.stringify(histograms)),
    db.prepare(INSERT_BATCH).bind(site, batch, received),
  ];
}
