import type { TelemetryMessage } from '../telemetry/message.ts';
import { messageStatements } from './telemetry-statements.ts';

/**
 * Writes batches, their events and what they add to the roll-ups in one transaction: all of it or nothing, and nothing of a batch that is there.
 * Queues deliver at least once, and browsers may send twice.
 */
export async function writeBatches(db: D1Database, messages: readonly TelemetryMessage[]): Promise<void> {
  const statements = messages.flatMap((message) => messageStatements(message));
  await db.batch(statements.map(({ sql, values }) => db.prepare(sql).bind(...values)));
}
