import { DiptychError } from '../../shared/errors.ts';
import { binding, type Env } from '../env.ts';
import type { ByteSpan } from '../byte-range.ts';

/** A file of the store, found but not read yet. */
interface StoredBlob {
  bytes: number;
  /** All of it, or the span. */
  open(span?: ByteSpan): Promise<ReadableStream>;
  /** Puts the whole file into the cache, unless it is there. */
  keep(): Promise<void>;
}

export const blobKey = (sha256: string): string => `blobs/${sha256}`;

/**
 * Finds a file in the data centre's cache, else in R2. `cacheKey` is an address without a signature, so that all visitors share one copy.
 *
 * @throws `blob_not_found`
 */
export async function findBlob(env: Env, cache: Cache, cacheKey: string, sha256: string): Promise<StoredBlob> {
  const bucket = binding(env, 'WEIGHTS');
  return (await findCached(bucket, cache, cacheKey, sha256)) ?? (await findStored(bucket, cache, cacheKey, sha256));
}

async function findCached(bucket: R2Bucket, cache: Cache, cacheKey: string, sha256: string): Promise<StoredBlob | undefined> {
  const whole = await cache.match(cacheKey);
  if (!whole?.body) return undefined;
  return {
    bytes: Number(whole.headers.get('content-length')),
    async open(span) {
      if (!span) return whole.body!;
      await whole.body!.cancel();
      const range = { range: `bytes=${span.start}-${span.end}` };
      const part = await cache.match(new Request(cacheKey, { headers: range }));
      if (part?.status === 206 && part.body) return part.body;
      // Thrown out of the cache in between.
      await part?.body?.cancel();
      return readStored(bucket, sha256, span);
    },
    async keep() {},
  };
}

async function findStored(bucket: R2Bucket, cache: Cache, cacheKey: string, sha256: string): Promise<StoredBlob> {
  const head = await bucket.head(blobKey(sha256));
  if (!head) throw notFound(sha256);
  return {
    bytes: head.size,
    open: (span) => readStored(bucket, sha256, span),
    // Read again rather than teed: a slow visitor would make the tee hold the whole shard in the Worker's 128 MB.
    async keep() {
      const headers = { 'content-length': String(head.size), 'cache-control': 'public, max-age=31536000, immutable' };
      await cache.put(cacheKey, new Response(await readStored(bucket, sha256), { headers }));
    },
  };
}

async function readStored(bucket: R2Bucket, sha256: string, span?: ByteSpan): Promise<ReadableStream> {
  const range = span && { offset: span.start, length: span.end - span.start + 1 };
  const object = await bucket.get(blobKey(sha256), range ? { range } : {});
  if (!object) throw notFound(sha256);
  return object.body;
}

function notFound(sha256: string): DiptychError {
  return new DiptychError('blob_not_found', `The store has no ${blobKey(sha256)}. Publish it: npx diptych publish.`, { sha256 });
}
