import { TELEMETRY_COLUMNS } from '../../shared/telemetry.ts';
import type { TelemetryMessage } from '../telemetry/message.ts';
import { HISTOGRAM_KEYS, HISTOGRAM_TOTALS, HOUR_KEYS, HOUR_TOTALS, rollUp } from '../telemetry/roll-up.ts';

/** Of D1: `values` are bound in order. */
export interface Statement {
  sql: string;
  values: (string | number)[];
}

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

/** What a message adds to the roll-ups, unless its batch is there. */
export function rollUpStatements({ site, received, batch: { batch, events } }: TelemetryMessage): Statement[] {
  const { hours, histograms } = rollUp(events, received);
  return [
    { sql: ADD_TO_HOURS, values: [site, batch, JSON.stringify(hours)] },
    { sql: ADD_TO_HISTOGRAMS, values: [site, batch, JSON.stringify(histograms)] },
  ];
}

/** All that counting a message takes, to run in one transaction. The batch's own row comes last: until it is there, the other statements count. */
export function messageStatements(message: TelemetryMessage): Statement[] {
  const {
    site,
    received,
    batch: { batch, events },
  } = message;
  return [
    { sql: INSERT_EVENTS, values: [site, batch, JSON.stringify(events), received] },
    ...rollUpStatements(message),
    { sql: INSERT_BATCH, values: [site, batch, received] },
  ];
}
