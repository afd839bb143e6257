import { MAX_BATCH_EVENTS, MAX_EVENT_AGE_MS } from '../../shared/telemetry-limits.ts';
import type { TelemetryBatch, TelemetryEvent } from '../../shared/telemetry.ts';

export interface TelemetryParts {
  /** Takes a batch on its way; false when it could not be queued. `navigator.sendBeacon` in the page. */
  send(batch: TelemetryBatch): boolean;
  /** Milliseconds. */
  now(): number;
  randomUuid(): string;
}

type Event = Omit<TelemetryEvent, 'age_ms'>;

/** Events of one visit, held until `allow(true)` and dropped by `allow(false)`; sent in batches that the edge counts once each. */
export class Telemetry {
  readonly #parts: TelemetryParts;
  #allowed: boolean | undefined;
  #waiting: { event: Event; at: number }[] = [];

  constructor(parts: TelemetryParts) {
    this.#parts = parts;
  }

  /** Until this has been said, nothing is sent. */
  allow(allowed: boolean): void {
    this.#allowed = allowed;
    if (!allowed) this.#waiting = [];
  }

  record(event: Event): void {
    if (this.#allowed === false) return;
    this.#waiting.push({ event, at: this.#parts.now() });
    if (this.#waiting.length >= MAX_BATCH_EVENTS) this.flush();
  }

  flush(): void {
    if (this.#allowed !== true) return;
    const now = this.#parts.now();
    // The edge would refuse a whole batch for an event of a page that was asleep for a day.
    this.#waiting = this.#waiting.filter(({ at }) => now - at <= MAX_EVENT_AGE_MS);
    while (this.#waiting.length > 0) {
      const events = this.#waiting
        .slice(0, MAX_BATCH_EVENTS)
        .map(({ event, at }) => ({ ...event, age_ms: Math.max(0, Math.round(now - at)) }));
      if (!this.#parts.send({ batch: this.#parts.randomUuid(), events })) return;
      this.#waiting.splice(0, events.length);
    }
  }
}

/** Whether the visitor's browser asks not to be counted: Global Privacy Control, or the older Do Not Track. */
export function refusesTracking(navigator: { globalPrivacyControl?: boolean; doNotTrack?: string | null }): boolean {
  return navigator.globalPrivacyControl === true || navigator.doNotTrack === '1' || navigator.doNotTrack === 'yes';
}
