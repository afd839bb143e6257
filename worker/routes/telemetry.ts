import { MAX_TELEMETRY_BYTES, TelemetryBatch } from '../../shared/telemetry.ts';
import type { Clock } from '../clock.ts';
import type { EdgeContext } from '../edge.ts';
import { binding } from '../env.ts';
import { readJson } from '../request-body.ts';
import { enabledSite } from '../site-access.ts';
import type { TelemetryMessage } from '../storage/telemetry.ts';

/** `POST /v1/telemetry?site=`: takes a batch of events into the queue. */
export const telemetry = (now: Clock) =>
  async function telemetry(c: EdgeContext): Promise<Response> {
    const batch = await readJson(c.req.raw, TelemetryBatch, MAX_TELEMETRY_BYTES);
    const message: TelemetryMessage = { site: enabledSite(c).id, received: now(), batch };
    await binding(c.env, 'TELEMETRY').send(message);
    return c.body(null, 202, { 'cache-control': 'no-store' });
  };
