import type { Clock } from '../clock.ts';
import { binding, type Env } from '../env.ts';
import { explainDatabaseError } from '../storage/database-error.ts';
import { writeBatches } from '../storage/telemetry.ts';
import { type DeadLetter, keepDeadLetter } from '../storage/telemetry-dead.ts';
import { MessageRefused, readMessage, type TelemetryMessage } from '../telemetry/message.ts';

/**
 * Takes the messages that were given up. Each is tried once more, for what failed may have been mended, or is kept in `telemetry_dead` with the
 * reason. While even that fails, it stays in the queue.
 */
export async function consumeDeadLetters({ messages }: MessageBatch, env: Env, now: Clock): Promise<void> {
  for (const message of messages) {
    try {
      const db = binding(env, 'DB');
      const failure = await countOrExplain(db, message.body, now());
      if (failure) {
        console.error('telemetry dead letter', message.id, failure.reason);
        await keepDeadLetter(db, { id: message.id, died: now(), ...failure });
      }
      message.ack();
    } catch (thrown) {
      console.error('telemetry dead letter', message.id, explainDatabaseError(thrown));
      message.retry();
    }
  }
}

async function countOrExplain(db: D1Database, body: unknown, now: number): Promise<Pick<DeadLetter, 'reason' | 'message'> | undefined> {
  let message: TelemetryMessage | undefined;
  try {
    message = readMessage(body, now);
    await writeBatches(db, [message]);
    return undefined;
  } catch (thrown) {
    if (thrown instanceof MessageRefused) return { reason: thrown.message, ...(thrown.sent && { message: thrown.sent }) };
    const reason = explainDatabaseError(thrown);
    return { reason: reason instanceof Error ? reason.message : String(reason), ...(message && { message }) };
  }
}
