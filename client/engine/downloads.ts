import type { BlobRef } from '../../shared/manifest.ts';
import type { EngineEvent, Timings } from '../../shared/protocol.ts';
import { downloadSecondsLeft } from './time-left.ts';
import type { BlobSource, FetchProgress } from './weights/blob-source.ts';

/** Bytes arrive in thousands of chunks a second; people and message channels want fewer. */
const EVENT_MS = 100;

/** The fetches of one run: their progress as events, their sum as timings. */
export class Downloads {
  readonly #blobs: BlobSource;
  readonly #onEvent: (event: EngineEvent) => void;
  readonly #signal: AbortSignal;
  readonly #now: () => number;
  readonly timings: Pick<Timings, 'downloadMs' | 'bytesDownloaded' | 'bytesCached'> = { downloadMs: 0, bytesDownloaded: 0, bytesCached: 0 };

  constructor(blobs: BlobSource, onEvent: (event: EngineEvent) => void, signal: AbortSignal, now: () => number) {
    this.#blobs = blobs;
    this.#onEvent = onEvent;
    this.#signal = signal;
    this.#now = now;
  }

  async fetch(refs: readonly BlobRef[]): Promise<Map<string, Uint8Array>> {
    const started = this.#now();
    let done = { loaded: 0, cached: 0 };
    let told = -Infinity;
    const progress = ({ loaded, total, cached }: FetchProgress) => {
      done = { loaded, cached };
      if (loaded < total && this.#now() - told < EVENT_MS) return;
      told = this.#now();
      const secondsLeft = downloadSecondsLeft(loaded - cached, total - loaded, this.#now() - started);
      this.#onEvent({ type: 'download', loaded, total, cached, secondsLeft });
    };
    const pause = (seconds: number) => this.#onEvent({ type: 'pause', seconds });
    const found =
      refs.length > 0 ? await this.#blobs.fetch(refs, { progress, pause, signal: this.#signal }) : new Map<string, Uint8Array>();
    this.timings.downloadMs += this.#now() - started;
    this.timings.bytesDownloaded += done.loaded - done.cached;
    this.timings.bytesCached += done.cached;
    return found;
  }
}
