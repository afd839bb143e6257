import { DiptychError } from '../../../shared/errors.ts';
import type { BlobRef } from '../../../shared/manifest.ts';
import type { BlobCache } from './blob-cache.ts';
import type { BlobSource, FetchOptions, FetchProgress } from './blob-source.ts';
import { download, type DownloadOptions } from './download.ts';
import { DEFAULT_RETRY, type RetryPolicy, throwIfCancelled } from './retry.ts';
import { type EdgeSite, SignedAddresses } from './signed-addresses.ts';
import { verifyBlob } from './verify.ts';

/** One connection rarely fills a line; more than a few only compete. */
const CONCURRENT = 3;

type Told = Pick<DownloadOptions, 'onBytes' | 'onPause'>;

export interface HttpBlobsOptions extends EdgeSite {
  cache: BlobCache;
  fetch?: typeof fetch;
  retry?: RetryPolicy;
}

/** Blobs from the edge by signed addresses, kept in a cache. Nothing is used or cached before its SHA-256 has been checked. */
export class HttpBlobs implements BlobSource {
  readonly #cache: BlobCache;
  readonly #fetch: typeof fetch;
  readonly #retry: RetryPolicy;
  readonly #addresses: SignedAddresses;

  constructor({ edge, site, cache, fetch: fetcher = (...request) => fetch(...request), retry = DEFAULT_RETRY }: HttpBlobsOptions) {
    this.#cache = cache;
    this.#fetch = fetcher;
    this.#retry = retry;
    this.#addresses = new SignedAddresses({ edge, site }, fetcher);
  }

  async missing(refs: readonly BlobRef[]): Promise<BlobRef[]> {
    const kept = await Promise.all(unique(refs).map(async (ref) => ((await this.#cache.has(ref)) ? [] : [ref])));
    return kept.flat();
  }

  async fetch(refs: readonly BlobRef[], { progress, pause, signal }: FetchOptions = {}): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
    const wanted = unique(refs);
    const state: FetchProgress = { loaded: 0, total: wanted.reduce((sum, ref) => sum + ref.bytes, 0), cached: 0 };
    const found = new Map<string, Uint8Array<ArrayBuffer>>();
    for (const ref of wanted) {
      throwIfCancelled(signal);
      const bytes = await this.#cached(ref);
      if (!bytes) continue;
      found.set(ref.sha256, bytes);
      state.loaded += ref.bytes;
      state.cached += ref.bytes;
      progress?.({ ...state });
    }
    const rest = wanted.filter((ref) => !found.has(ref.sha256));
    const told: Told = {
      onBytes: (delta) => {
        state.loaded += delta;
        progress?.({ ...state });
      },
      onPause: (seconds) => pause?.(seconds),
    };
    await this.#downloadAll(rest, told, signal, (ref, bytes) => found.set(ref.sha256, bytes));
    return found;
  }

  /** The cached file, if it is what its name says; a file that is not is thrown away. */
  async #cached(ref: BlobRef): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const bytes = await this.#cache.get(ref);
    if (!bytes) return undefined;
    try {
      await verifyBlob(ref, bytes);
      return bytes;
    } catch (thrown) {
      if (!(thrown instanceof DiptychError)) throw thrown;
      await this.#cache.remove(ref);
      return undefined;
    }
  }

  /** A few at a time; the first failure ends the others. */
  async #downloadAll(
    refs: readonly BlobRef[],
    told: Told,
    signal: AbortSignal | undefined,
    done: (ref: BlobRef, bytes: Uint8Array<ArrayBuffer>) => void,
  ): Promise<void> {
    const queue = [...refs];
    const left = new Set(refs);
    const failed = new AbortController();
    const either = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
    let failure: unknown;
    const lane = async () => {
      for (let ref = queue.shift(); ref && !failed.signal.aborted; ref = queue.shift()) {
        try {
          done(ref, await this.#download(ref, left, told, either));
          left.delete(ref);
        } catch (thrown) {
          failure ??= thrown;
          failed.abort();
        }
      }
    };
    await Promise.all(Array.from({ length: CONCURRENT }, lane));
    if (failed.signal.aborted) throw failure;
  }

  async #download(ref: BlobRef, left: ReadonlySet<BlobRef>, told: Told, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const address = async (blob: BlobRef, expired: string | undefined) => {
      if (expired) await this.#addresses.expire(blob, expired);
      // Each address counts against the site's day: none is asked for of what has arrived.
      return this.#addresses.get(blob, [...left], signal);
    };
    const bytes = await download(ref, { fetch: this.#fetch, address, ...told, retry: this.#retry, signal });
    await verifyBlob(ref, bytes);
    await this.#cache.put(ref, bytes);
    return bytes;
  }
}

function unique(refs: readonly BlobRef[]): BlobRef[] {
  return [...new Map(refs.map((ref) => [ref.sha256, ref])).values()];
}
