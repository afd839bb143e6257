import { DiptychError } from '../../../shared/errors.ts';
import type { BlobRef } from '../../../shared/manifest.ts';

/**
 * Passes when `bytes` are exactly the file that `ref` names.
 *
 * @throws `blob_size_mismatch`, `blob_corrupt`
 */
export async function verifyBlob(ref: BlobRef, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  if (bytes.byteLength !== ref.bytes) throw sizeMismatch(ref, bytes.byteLength);
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const actual = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (actual !== ref.sha256) {
    throw new DiptychError('blob_corrupt', `File ${ref.sha256} arrived with SHA-256 ${actual}; it was thrown away. Publish it again.`, {
      sha256: ref.sha256,
      actual,
    });
  }
}

export function sizeMismatch(ref: BlobRef, actual: number): DiptychError {
  return new DiptychError(
    'blob_size_mismatch',
    `File ${ref.sha256} has ${actual} bytes where the catalogue says ${ref.bytes}. Publish it again.`,
    {
      sha256: ref.sha256,
      expected: ref.bytes,
      actual,
    },
  );
}
