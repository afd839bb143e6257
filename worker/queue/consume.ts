import type { Clock } from '../clock.ts';
import type { Env } from '../env.ts';
import { logRun } from '../logging/run-log.ts';
import { consumeDeadLetters } from './dead-letters.ts';
import { consumeTelemetry } from './telemetry-consumer.ts';

/** The consumer of both queues: `wrangler.toml` names a dead letter queue as its queue with `-dead` behind. */
export const consume = (now: Clock) =>
  async function consume(messages: MessageBatch, env: Env): Promise<void> {
    const consumer = messages.queue.endsWith('-dead') ? consumeDeadLetters : consumeTelemetry;
    const fields = { queue: messages.queue, messages: messages.messages.length };
    await logRun('queue', fields, now, () => consumer(messages, env, now));
  };
