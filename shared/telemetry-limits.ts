/** What the edge takes of telemetry. Apart from the schema, so that a page that only sends does not load it. */

/** `navigator.sendBeacon` queues no more than 64 KiB. */
export const MAX_TELEMETRY_BYTES = 64 * 1024;

/** Of one batch. */
export const MAX_BATCH_EVENTS = 100;

/** A day. Older events are not sent, and refused: the raw events of a day must be complete when they are archived. */
export const MAX_EVENT_AGE_MS = 86_400_000;

/** How long raw events stay in the database. Much longer than an event may be late: a day that is archived gets no more. */
export const RETENTION_DAYS = 30;
