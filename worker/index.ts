import { createApp } from './app.ts';
import type { Env } from './env.ts';
import { consume } from './queue/consume.ts';

export default { fetch: createApp().fetch, queue: consume(Date.now) } satisfies ExportedHandler<Env>;
