import { DiptychError, type ErrorCode } from '../../../shared/errors.ts';
import type { BlobRef } from '../../../shared/manifest.ts';
import { problemOf } from './problem.ts';
import { backoff, cancelled, isWorthWaiting, type RetryPolicy, throwIfCancelled } from './retry.ts';
import { sizeMismatch } from './verify.ts';

/** An attempt that brought this much was no failure: a slow line may break often and still arrive. */
const PROGRESS_BYTES = 64 * 1024;

export interface DownloadOptions {
  fetch: typeof fetch;
  /** The blob's signed address; `expired` is the one that the edge no longer takes. */
  address(ref: BlobRef, expired: string | undefined): Promise<string>;
  /** Bytes received since the last call; negative when a server that knows no ranges makes it start again. */
  onBytes(delta: number): void;
  /** Called before a pause that the edge asks for, with its length in seconds. */
  onPause(seconds: number): void;
  retry: RetryPolicy;
  signal?: AbortSignal | undefined;
}

/**
 * The bytes of one blob, unverified. A broken connection goes on where it stopped (HTTP Range); an expired address is renewed; 429 and 5xx are
 * waited out, unless that takes more than a minute.
 *
 * @throws `download_failed` after too many failures in a row, `blob_size_mismatch`, `cancelled`, or the edge's own code
 */
export async function download(ref: BlobRef, options: DownloadOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { retry, signal } = options;
  const target: Target = { bytes: new Uint8Array(ref.bytes), received: 0 };
  for (let failures = 0; ;) {
    throwIfCancelled(signal);
    const before = target.received;
    const error = await attempt(ref, target, options);
    if (!error) return target.bytes;
    failures = target.received - before >= PROGRESS_BYTES ? 1 : failures + 1;
    if (failures >= retry.attempts) throw error;
    if (hasExpired(error)) {
      target.expired = target.url;
      continue;
    }
    const wait = backoff(failures, retry.random(), error.details['retryAfter']);
    if (error.details['status'] === TOO_MANY) options.onPause(wait / 1000);
    await retry.sleep(wait, signal);
  }
}

const EXPIRED: ErrorCode = 'signature_expired';

/** A bucket that serves presigned addresses itself gives no code, only the status. */
const hasExpired = ({ code, details }: DiptychError): boolean =>
  code === EXPIRED || (code === 'download_failed' && details['status'] === 403);

/** Until the end of the day, and then everybody at once: nobody waits for that. */
const USED_UP: ErrorCode = 'quota_exceeded';

const TOO_MANY = 429;

interface Target {
  bytes: Uint8Array<ArrayBuffer>;
  received: number;
  url?: string;
  expired?: string | undefined;
}

/** One request. Returns what interrupted it, nothing when all is there; throws what no repetition would mend. */
async function attempt(ref: BlobRef, target: Target, options: DownloadOptions): Promise<DiptychError | undefined> {
  try {
    target.url = await options.address(ref, target.expired);
    const headers = target.received > 0 ? { range: `bytes=${target.received}-` } : {};
    const response = await options.fetch(target.url, { headers, signal: options.signal ?? null });
    if (!response.ok) throw await problemOf(response);
    if (target.received > 0 && response.status !== 206) {
      options.onBytes(-target.received);
      target.received = 0;
    }
    await receive(ref, response, target, options);
    return undefined;
  } catch (thrown) {
    if (options.signal?.aborted) throw cancelled();
    if (!(thrown instanceof DiptychError)) return interrupted(ref, target, thrown);
    if (hasExpired(thrown) || isTransient(thrown)) return thrown;
    throw thrown;
  }
}

function isTransient({ code, details: { status, retryAfter } }: DiptychError): boolean {
  if (code === USED_UP || typeof status !== 'number' || !isWorthWaiting(retryAfter)) return false;
  return status === TOO_MANY || status >= 500;
}

/** `fetch` throws a plain TypeError for everything that goes wrong on the line. */
function interrupted(ref: BlobRef, { received }: Target, cause: unknown): DiptychError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `Downloading ${ref.sha256} stopped at byte ${received} of ${ref.bytes}: ${reason}`;
  return new DiptychError('download_failed', message, { sha256: ref.sha256, received, expected: ref.bytes }, { cause });
}

async function receive(ref: BlobRef, response: Response, target: Target, { onBytes }: DownloadOptions): Promise<void> {
  // The types leave out that a ReadableStream can be iterated; Safari cannot do so yet either.
  const reader = response.body!.getReader();
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    const { value } = chunk;
    if (target.received + value.byteLength > ref.bytes) {
      await reader.cancel();
      throw sizeMismatch(ref, target.received + value.byteLength);
    }
    target.bytes.set(value, target.received);
    target.received += value.byteLength;
    onBytes(value.byteLength);
  }
  if (target.received < ref.bytes) throw sizeMismatch(ref, target.received);
}
