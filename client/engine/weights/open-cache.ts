import type { BlobCache } from './blob-cache.ts';
import { MemoryCache } from './memory-cache.ts';
import { OpfsCache } from './opfs-cache.ts';

/** The best cache that this browser allows: its file system, else memory (private windows, old browsers). */
export async function openCache(): Promise<BlobCache> {
  try {
    return await OpfsCache.open();
  } catch {
    return new MemoryCache();
  }
}
