import type { BlobRef } from '../../../shared/manifest.ts';

/** How a catalogue names these bytes. */
export async function refOf(bytes: Uint8Array<ArrayBuffer>): Promise<BlobRef> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return { sha256: Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join(''), bytes: bytes.byteLength };
}
