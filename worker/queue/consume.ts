import type { Clock } from '../clock.ts';
import type { Env } from '../env.ts';
import { consumeDeadLetters } from './dead-letters.ts';
import { consumeTelemetry } from './telemetry-consumer.ts';

/** The consumer of both queues: `wrangler.toml` names a dead letter queue as its queue with `-dead` behind. */
export const consume = (now: Clock) =>
  async function consume(messages: MessageBatch, env: Env): Promise<void> {
    if (messages.queue.endsWith('-dead')) await consumeDeadLetters(messages, env, now);
    else await consumeTelemetry(messages, env, now);
  };
