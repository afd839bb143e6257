import { createApp } from './app.ts';
import type { Env } from './env.ts';
import { consumeTelemetry, type TelemetryMessage } from './storage/telemetry.ts';

export default { fetch: createApp().fetch, queue: consumeTelemetry } satisfies ExportedHandler<Env, TelemetryMessage>;
