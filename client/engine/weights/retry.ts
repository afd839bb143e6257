import { DiptychError } from '../../../shared/errors.ts';

/** How a broken request is tried again: waits of 0.25 s, doubling up to 8 s, each shortened at random so that clients do not come back in step. */
export interface RetryPolicy {
  /** Failures in a row after which it gives up. */
  attempts: number;
  sleep(ms: number, signal: AbortSignal | undefined): Promise<void>;
  random(): number;
}

export const DEFAULT_RETRY: RetryPolicy = { attempts: 5, sleep, random: Math.random };

/** The longest `Retry-After`, in seconds, that a visitor is kept waiting for with a progress bar before them. */
const PATIENCE_SECONDS = 60;

export const isWorthWaiting = (retryAfter: unknown): boolean => typeof retryAfter !== 'number' || retryAfter <= PATIENCE_SECONDS;

/** Milliseconds to wait after the `failures`-th failure in a row (from 1); a server's `Retry-After` in seconds counts where it is longer. */
export function backoff(failures: number, random: number, retryAfter: unknown): number {
  const wait = Math.min(8000, 250 * 2 ** (failures - 1)) * (0.5 + random / 2);
  return typeof retryAfter === 'number' ? Math.max(wait, retryAfter * 1000) : wait;
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => reject(cancelled());
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', end);
      resolve();
    }, ms);
    signal?.addEventListener('abort', () => (clearTimeout(timer), end()), { once: true });
  });
}

export const cancelled = (): DiptychError => new DiptychError('cancelled', 'Cancelled.');

/** @throws `cancelled` once `signal` has been aborted. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled();
}
