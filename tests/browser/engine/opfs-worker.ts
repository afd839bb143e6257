/** Sync access handles exist only in workers: this runs the cache in one for the test. */
import { expose } from 'comlink';
import { HttpBlobs } from '../../../client/engine/weights/http-blobs.ts';
import { OpfsCache } from '../../../client/engine/weights/opfs-cache.ts';
import type { BlobRef } from '../../../shared/manifest.ts';

const FOLDER = 'diptych-blobs';

export const opfsProbe = {
  async put(ref: BlobRef, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await (await OpfsCache.open()).put(ref, bytes);
  },
  async get(ref: BlobRef): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return (await OpfsCache.open()).get(ref);
  },
  async has(ref: BlobRef): Promise<boolean> {
    return (await OpfsCache.open()).has(ref);
  },
  async remove(ref: BlobRef): Promise<void> {
    await (await OpfsCache.open()).remove(ref);
  },
  /** Downloads over a stand-in for the network, cached on disk; returns how many requests for weights it took. */
  async fetchThrough(ref: BlobRef, served: Uint8Array<ArrayBuffer>): Promise<{ bytes: Uint8Array | undefined; requests: number }> {
    let requests = 0;
    const network: typeof fetch = async (_, init) => {
      if (init?.method === 'POST') return Response.json({ downloads: [{ ...ref, url: 'https://edge.test/v1/weights/x' }] });
      requests += 1;
      return new Response(served);
    };
    const blobs = new HttpBlobs({ edge: 'https://edge.test', site: 'pk_test', cache: await OpfsCache.open(), fetch: network });
    const found = await blobs.fetch([ref]);
    return { bytes: found.get(ref.sha256), requests };
  },
  /** Writes into the cache's folder behind its back. */
  async plant(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
    const access = await (await folder.getFileHandle(name, { create: true })).createSyncAccessHandle();
    access.truncate(0);
    access.write(bytes, { at: 0 });
    access.close();
  },
  async names(): Promise<string[]> {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
    const names: string[] = [];
    for await (const name of folder.keys()) names.push(name);
    return names.toSorted();
  },
  async clear(): Promise<void> {
    await (await navigator.storage.getDirectory()).removeEntry(FOLDER, { recursive: true }).catch(() => undefined);
  },
};

expose(opfsProbe);
