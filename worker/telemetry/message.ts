import * as v from 'valibot';
import { TelemetryBatch } from '../../shared/telemetry.ts';

/** What the route puts into the queue. `received`: milliseconds since 1970, by the edge's clock. */
export const TelemetryMessage = v.strictObject({
  /** Its id, not the key by which the page named it. */
  site: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,64}$/)),
  received: v.pipe(v.number(), v.integer(), v.minValue(0)),
  batch: TelemetryBatch,
});
export type TelemetryMessage = v.InferOutput<typeof TelemetryMessage>;

/**
 * A message that waited longer is not counted any more. Queues keep messages four days unless told otherwise; with `MAX_EVENT_AGE_MS` an event
 * is at most five days old when it is written, long before its day is archived.
 */
export const MAX_WAIT_MS = 4 * 86_400_000;

/** Clocks of two machines of the edge may differ by this much; events of a message from further ahead are not counted. */
const MAX_SKEW_MS = 5 * 60_000;

/** Why a message of the queue cannot be counted, now or ever: names fields, never what they hold. */
export class MessageRefused extends Error {
  override readonly name = 'MessageRefused';
  /** The message, when it is of the schema and only its time is refused. */
  readonly sent: TelemetryMessage | undefined;

  constructor(reason: string, sent?: TelemetryMessage) {
    super(reason);
    this.sent = sent;
  }
}

/**
 * A message out of the queue, none of whose events lies in the future: `received` is at most `now`.
 *
 * @throws MessageRefused
 */
export function readMessage(body: unknown, now: number): TelemetryMessage {
  const result = v.safeParse(TelemetryMessage, body, { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    // `issue.message` would quote what was received.
    throw new MessageRefused(`${v.getDotPath(issue) ?? 'The message'}: expected ${issue.expected ?? `a valid ${issue.type}`}`);
  }
  const { received } = result.output;
  if (received > now + MAX_SKEW_MS) throw new MessageRefused(`received: ${received - now} ms in the future`, result.output);
  if (received < now - MAX_WAIT_MS)
    throw new MessageRefused(`received: ${now - received} ms ago, the limit is ${MAX_WAIT_MS}`, result.output);
  return { ...result.output, received: Math.min(received, now) };
}
