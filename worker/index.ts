import { createApp } from './app.ts';
import type { Env } from './env.ts';
import { consume } from './queue/consume.ts';
import { retain } from './telemetry/retention.ts';

export default {
  fetch: createApp().fetch,
  queue: consume(Date.now),
  scheduled: ({ scheduledTime }, env) => retain(env, scheduledTime),
} satisfies ExportedHandler<Env>;
