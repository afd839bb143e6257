import type { TelemetryBatch, TelemetryEvent } from '../../shared/telemetry.ts';

export interface TelemetryParts {
  /** Takes a batch on its way; false when it could not be queued. `navigator.sendBeacon` in the page. */
  send(batch: TelemetryBatch): boolean;
  /** Milliseconds. */
  now(): number;
  randomUuid(): string;
}

/** The edge takes at most this many events at once. */
const BATCH = 100;

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
    if (this.#waiting.length >= BATCH) this.flush();
  }

  flush(): void {
    if (this.#allowed !== true) return;
    const now = this.#parts.now();
    while (this.#waiting.length > 0) {
      const events = this.#waiting.slice(0, BATCH).map(({ event, at }) => ({ ...event, age_ms: Math.max(0, Math.round(now - at)) }));
      if (!this.#parts.send({ batch: this.#parts.randomUuid(), events })) return;
      this.#waiting.splice(0, events.length);
    }
  }
}

/** Whether the visitor's browser asks not to be counted: Global Privacy Control, or the older Do Not Track. */
export function refusesTracking(navigator: { globalPrivacyControl?: boolean; doNotTrack?: string | null }): boolean {
  return navigator.globalPrivacyControl === true || navigator.doNotTrack === '1';
}
