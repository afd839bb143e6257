import { MAX_TELEMETRY_BYTES } from '../../shared/telemetry-limits.ts';
import { TelemetryBatch } from '../../shared/telemetry.ts';
import type { Clock } from '../clock.ts';
import type { EdgeContext } from '../edge.ts';
import { binding } from '../env.ts';
import { readJson } from '../request-body.ts';
import { enabledSite } from '../site-access.ts';
import { writePoints } from '../telemetry/analytics-points.ts';
import type { TelemetryMessage } from '../telemetry/message.ts';

/** `POST /v1/telemetry?site=`: takes a batch of events into the queue. What a visitor who asks not to be counted sends is not even read. */
export const telemetry = (now: Clock) =>
  async function telemetry(c: EdgeContext): Promise<Response> {
    if (asksNotToBeCounted(c)) return taken(c);
    const batch = await readJson(c.req.raw, TelemetryBatch, MAX_TELEMETRY_BYTES);
    const message: TelemetryMessage = { site: enabledSite(c).id, received: now(), batch };
    await binding(c.env, 'TELEMETRY').send(message);
    if (c.env.ANALYTICS) writePoints(c.env.ANALYTICS, message);
    return taken(c);
  };

const taken = (c: EdgeContext): Response => c.body(null, 202, { 'cache-control': 'no-store' });

/** Global Privacy Control's header, or the older one of Do Not Track. The studio asks the browser too; this holds for any other sender. */
const asksNotToBeCounted = (c: EdgeContext): boolean => c.req.header('sec-gpc') === '1' || c.req.header('dnt') === '1';
