import type { BlobRef } from '../../../shared/manifest.ts';

/** Bytes here so far, of all that was asked for; `cached` of them needed no network. */
export interface FetchProgress {
  loaded: number;
  total: number;
  cached: number;
}

export interface FetchOptions {
  progress?: (progress: FetchProgress) => void;
  /** Called before a pause that the source asks for, with its length in seconds. */
  pause?: (seconds: number) => void;
  signal?: AbortSignal;
}

/** Where an engine takes files from, each named by its SHA-256: the edge in a browser, a folder on the command line. */
export interface BlobSource {
  /** Those of `refs` that `fetch` would have to download. */
  missing(refs: readonly BlobRef[]): Promise<BlobRef[]>;
  /**
   * The bytes of each of `refs` by SHA-256, verified.
   *
   * @throws `blob_corrupt`, `blob_size_mismatch`, `download_failed`, `cancelled`, or the edge's own code.
   */
  fetch(refs: readonly BlobRef[], options?: FetchOptions): Promise<Map<string, Uint8Array<ArrayBuffer>>>;
}
