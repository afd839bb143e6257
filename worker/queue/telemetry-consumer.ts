import type { Clock } from '../clock.ts';
import { binding, type Env } from '../env.ts';
import { explainDatabaseError } from '../storage/database-error.ts';
import { writeBatches } from '../storage/telemetry.ts';
import { readMessage, type TelemetryMessage } from '../telemetry/message.ts';

interface Readable {
  message: Message;
  read: TelemetryMessage;
}

/**
 * Counts each message of the queue once: all in one transaction, and where that fails one by one, so that a message which the database refuses
 * harms no other. What fails is tried again, and after the queue's `max_retries` becomes a dead letter.
 */
export async function consumeTelemetry({ messages }: MessageBatch, env: Env, now: Clock): Promise<void> {
  const readable: Readable[] = [];
  for (const message of messages) {
    try {
      readable.push({ message, read: readMessage(message.body, now()) });
    } catch (thrown) {
      console.error('telemetry', thrown);
      message.retry();
    }
  }
  if (await areCounted(readable, env)) for (const { message } of readable) message.ack();
  else if (readable.length === 1) readable[0]!.message.retry();
  else
    for (const one of readable) {
      if (await areCounted([one], env)) one.message.ack();
      else one.message.retry();
    }
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
    console.error('telemetry', explainDatabaseError(thrown));
    return false;
  }
}
