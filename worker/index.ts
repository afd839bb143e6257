import { createApp } from './app.ts';
import type { Env } from './env.ts';
import { logRun } from './logging/run-log.ts';
import { consume } from './queue/consume.ts';
import { retain } from './telemetry/retention.ts';

export { Quotas } from './limits/quotas.ts';

export default {
  fetch: createApp().fetch,
  queue: consume(Date.now),
  scheduled: ({ cron, scheduledTime }, env) => logRun('cron', { cron }, Date.now, () => retain(env, scheduledTime)),
} satisfies ExportedHandler<Env>;
