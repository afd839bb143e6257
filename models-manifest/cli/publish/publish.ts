import { readFile } from 'node:fs/promises';
import { verifyBlob } from '../../../client/engine/weights/verify.ts';
import { DiptychError } from '../../../shared/errors.ts';
import { type BlobRef, manifestBlobs } from '../../../shared/manifest.ts';
import type { Store } from '../store.ts';
import type { PublishTarget } from './target.ts';

export interface Published {
  models: number;
  loras: number;
  sent: number;
  /** Bytes of the files sent, and of those that were there. */
  bytesSent: number;
  bytesKept: number;
}

/**
 * Sends every file of the catalogue that the target lacks, each verified, and the catalogue last: what it names is there.
 *
 * @throws DiptychError `store_invalid`, `blob_corrupt`, `blob_size_mismatch`, `cancelled`
 */
export async function publish(
  store: Store,
  target: PublishTarget,
  onProgress: (done: number, total: number) => void,
  signal?: AbortSignal,
): Promise<Published> {
  const manifest = await store.manifest();
  if (manifest.models.length === 0)
    throw new DiptychError('store_invalid', `${store.root} holds no model; run diptych prepare first`, { store: store.root });
  const refs = new Map(manifestBlobs(manifest).map((ref) => [ref.sha256, ref]));
  const total = [...refs.values()].reduce((sum, ref) => sum + ref.bytes, 0);
  const result: Published = { models: manifest.models.length, loras: manifest.loras.length, sent: 0, bytesSent: 0, bytesKept: 0 };
  for (const ref of refs.values()) {
    if (signal?.aborted) throw new DiptychError('cancelled', 'publishing was cancelled; the catalogue is as it was');
    if (await target.has(`blobs/${ref.sha256}`, ref.bytes)) {
      result.bytesKept += ref.bytes;
    } else {
      await target.put(`blobs/${ref.sha256}`, await readVerified(store, ref), 'application/octet-stream');
      result.sent += 1;
      result.bytesSent += ref.bytes;
    }
    onProgress(result.bytesSent + result.bytesKept, total);
  }
  await target.put('catalogue/manifest.json', new TextEncoder().encode(JSON.stringify(manifest)), 'application/json');
  return result;
}

async function readVerified(store: Store, ref: BlobRef): Promise<Uint8Array> {
  const file = store.blobPath(ref.sha256);
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new DiptychError('store_invalid', `${file} is missing; prepare the model or add the LoRA again`, { file }, { cause });
  });
  await verifyBlob(ref, bytes);
  return bytes;
}
