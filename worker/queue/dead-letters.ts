import type { Clock } from '../clock.ts';
import { binding, type Env } from '../env.ts';
import { logError, logLine } from '../logging/log.ts';
import { redact } from '../logging/redact.ts';
import { explainDatabaseError } from '../storage/database-error.ts';
import { writeBatches } from '../storage/telemetry.ts';
import { type DeadLetter, keepDeadLetter } from '../storage/telemetry-dead.ts';
import { MessageRefused, readMessage, type TelemetryMessage } from '../telemetry/message.ts';

/**
 * Takes the messages that were given up. Each is tried once more, for what failed may have been mended, or is kept in `telemetry_dead` with the
 * reason. While even that fails, it stays in the queue. Returns how many of each.
 */
export async function consumeDeadLetters(
  { messages }: MessageBatch,
  env: Env,
  now: Clock,
): Promise<{ counted: number; kept: number; retried: number }> {
  const outcome = { counted: 0, kept: 0, retried: 0 };
  for (const message of messages) {
    try {
      const db = binding(env, 'DB');
      const failure = await countOrExplain(db, message.body, now());
      if (failure) {
        logLine('error', 'dead_letter', { message_id: message.id, reason: redact(failure.reason) });
        await keepDeadLetter(db, { id: message.id, died: now(), ...failure });
      }
      message.ack();
      outcome[failure ? 'kept' : 'counted']++;
    } catch (thrown) {
      logError('dead_letter', explainDatabaseError(thrown), { message_id: message.id });
      message.retry();
      outcome.retried++;
    }
  }
  return outcome;
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
