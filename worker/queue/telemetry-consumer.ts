import type { Clock } from '../clock.ts';
import { binding, type Env } from '../env.ts';
import { explainDatabaseError } from '../storage/database-error.ts';
import { writeBatch } from '../storage/telemetry.ts';
import { readMessage } from '../telemetry/message.ts';

/** Counts each message of the queue once. What fails is tried again, and after the queue's `max_retries` becomes a dead letter. */
export async function consumeTelemetry({ messages }: MessageBatch, env: Env, now: Clock): Promise<void> {
  for (const message of messages) {
    try {
      await writeBatch(binding(env, 'DB'), readMessage(message.body, now()));
      message.ack();
    } catch (thrown) {
      console.error('telemetry', explainDatabaseError(thrown));
      message.retry();
    }
  }
}
