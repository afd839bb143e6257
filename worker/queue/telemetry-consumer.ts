import type { Clock } from '../clock.ts';
import { binding, type Env } from '../env.ts';
import { logError } from '../logging/log.ts';
import { explainDatabaseError } from '../storage/database-error.ts';
import { writeBatches } from '../storage/telemetry.ts';
import { readMessage, type TelemetryMessage } from '../telemetry/message.ts';

interface Readable {
  message: Message;
  read: TelemetryMessage;
}

/**
 * Counts each message of the queue once: all in one transaction, and where that fails one by one, so that a message which the database refuses
 * harms no other. What fails is tried again, and after the queue's `max_retries` becomes a dead letter. Returns how many of each.
 */
export async function consumeTelemetry({ messages }: MessageBatch, env: Env, now: Clock): Promise<{ counted: number; retried: number }> {
  const readable: Readable[] = [];
  for (const message of messages) {
    try {
      readable.push({ message, read: readMessage(message.body, now()) });
    } catch (thrown) {
      logError('message_refused', thrown, { message_id: message.id });
      message.retry();
    }
  }
  const counted = await count(readable, env);
  return { counted, retried: messages.length - counted };
}

/** Acknowledges what is written, and has the rest sent again. Returns how many were written. */
async function count(readable: readonly Readable[], env: Env): Promise<number> {
  if (await areCounted(readable, env)) {
    for (const { message } of readable) message.ack();
    return readable.length;
  }
  if (readable.length === 1) {
    readable[0]!.message.retry();
    return 0;
  }
  let counted = 0;
  for (const one of readable) counted += await count([one], env);
  return counted;
}

async function areCounted(readable: readonly Readable[], env: Env): Promise<boolean> {
  if (readable.length === 0) return true;
  try {
    await writeBatches(
      binding(env, 'DB'),
      readable.map(({ read }) => read),
    );
    return true;
  } catch (thrown) {
    logError('write_failed', explainDatabaseError(thrown), { messages: readable.length });
    return false;
  }
}
