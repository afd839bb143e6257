import type { BlobRef } from '../../../shared/manifest.ts';

/** Keeps files by SHA-256. What goes in was verified; what comes out is verified again by the reader, since a disk can rot. */
export interface BlobCache {
  /** Whether a file of that name and size is there. */
  has(ref: BlobRef): Promise<boolean>;
  get(ref: BlobRef): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Keeps the file if there is room; a full disk is no error. */
  put(ref: BlobRef, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  remove(ref: BlobRef): Promise<void>;
}
