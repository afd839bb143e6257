import type { TelemetryMessage } from '../telemetry/message.ts';

export interface DeadLetter {
  /** Of the queue's message. */
  id: string;
  /** Milliseconds since 1970. */
  died: number;
  reason: string;
  /** Left out where it is not of the schema: it could hold anything. */
  message?: TelemetryMessage;
}

const INSERT = `
  INSERT INTO telemetry_dead (id, died, reason, site, body) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO NOTHING`;

/** Keeps a message that could not be counted; once, however often it is delivered. */
export async function keepDeadLetter(db: D1Database, { id, died, reason, message }: DeadLetter): Promise<void> {
  const body = message === undefined ? null : JSON.stringify(message);
  await db
    .prepare(INSERT)
    .bind(id, died, reason, message?.site ?? null, body)
    .run();
}
