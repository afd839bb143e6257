import type { BlobRef } from '../../../shared/manifest.ts';
import type { BlobCache } from './blob-cache.ts';

/** For browsers without the origin private file system: files last as long as the worker. */
export class MemoryCache implements BlobCache {
  readonly #blobs = new Map<string, Uint8Array<ArrayBuffer>>();

  async has(ref: BlobRef): Promise<boolean> {
    return this.#blobs.get(ref.sha256)?.byteLength === ref.bytes;
  }

  async get(ref: BlobRef): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#blobs.get(ref.sha256);
  }

  async put(ref: BlobRef, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#blobs.set(ref.sha256, bytes);
  }

  async remove(ref: BlobRef): Promise<void> {
    this.#blobs.delete(ref.sha256);
  }
}
