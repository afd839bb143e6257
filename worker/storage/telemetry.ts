import { TELEMETRY_COLUMNS, type TelemetryBatch } from '../../shared/telemetry.ts';
import { binding, type Env } from '../env.ts';
import { explainDatabaseError } from './database-error.ts';

/** What the route puts into the queue. `received`: milliseconds since 1970. */
export interface TelemetryMessage {
  site: string;
  received: number;
  batch: TelemetryBatch;
}

const names = Object.keys(TELEMETRY_COLUMNS);

/**
 * All events of a batch as one JSON array: D1 takes 100 bound parameters a statement, which a few rows would fill. Names come from the schema
 * alone. A batch that is there already adds nothing.
 */
const INSERT_EVENTS = `
  INSERT INTO telemetry_events (site, batch, position, at, ${names.join(', ')})
  SELECT ?1, ?2, event.key, ?3 - (event.value ->> '$.age_ms'), ${names.map((name) => `event.value ->> '$.${name}'`).join(', ')}
  FROM json_each(?4) AS event
  WHERE NOT EXISTS (SELECT 1 FROM telemetry_batches WHERE site = ?1 AND batch = ?2)`;

const INSERT_BATCH = 'INSERT INTO telemetry_batches (site, batch, received) VALUES (?1, ?2, ?3) ON CONFLICT (site, batch) DO NOTHING';

/** Writes a batch and its events in one transaction. Queues deliver at least once, and browsers may send twice. */
async function writeBatch(db: D1Database, { site, received, batch: { batch, events } }: TelemetryMessage): Promise<void> {
  await db.batch([
    db.prepare(INSERT_EVENTS).bind(site, batch, received, JSON.stringify(events)),
    db.prepare(INSERT_BATCH).bind(site, batch, received),
  ]);
}

/** The queue's consumer: each message is acknowledged or retried by itself. */
export async function consumeTelemetry(messages: MessageBatch<TelemetryMessage>, env: Env): Promise<void> {
  for (const message of messages.messages) {
    try {
      await writeBatch(binding(env, 'DB'), message.body);
      message.ack();
    } catch (thrown) {
      console.error('telemetry', explainDatabaseError(thrown));
      message.retry();
    }
  }
}
