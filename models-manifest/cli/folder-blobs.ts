import { readFile } from 'node:fs/promises';
import type { BlobSource } from '../../client/engine/weights/blob-source.ts';
import { verifyBlob } from '../../client/engine/weights/verify.ts';
import { DiptychError } from '../../shared/errors.ts';
import type { Store } from './store.ts';

/** The engine's files from a store on this machine, verified like downloads. */
export function folderBlobs(store: Store): BlobSource {
  return {
    missing: async () => [],
    async fetch(refs, { progress, signal } = {}) {
      const blobs = new Map<string, Uint8Array<ArrayBuffer>>();
      const total = refs.reduce((sum, ref) => sum + ref.bytes, 0);
      let loaded = 0;
      for (const ref of refs) {
        if (signal?.aborted) throw new DiptychError('cancelled', 'reading the store was cancelled');
        const file = store.blobPath(ref.sha256);
        const bytes = await readFile(file).catch((cause: unknown) => {
          throw new DiptychError('store_invalid', `${file} is missing; prepare the model or add the LoRA again`, { file }, { cause });
        });
        await verifyBlob(ref, bytes);
        blobs.set(ref.sha256, bytes);
        loaded += ref.bytes;
        progress?.({ loaded, total, cached: loaded });
      }
      return blobs;
    },
  };
}
