import { DiptychError } from '../../shared/errors.ts';
import { type ByteRange, type ByteSpan, rangeHeader, spanOf } from '../byte-range.ts';
import { binding, type Env } from '../env.ts';

/** A file, or the part of it that a range asks for. */
export interface OpenBlob {
  /** Bytes of the whole file. */
  size: number;
  body: ReadableStream;
  /** Which part `body` is; undefined: the whole file. */
  span?: ByteSpan;
  cached: boolean;
}

export const blobKey = (sha256: string): string => `blobs/${sha256}`;

/** One file of the store, in the data centre's cache or in R2. It is passed on as it arrives, and never held. */
export class StoredBlob {
  readonly sha256: string;
  readonly #bucket: R2Bucket;
  readonly #cache: Cache;
  readonly #address: string;

  /** @param address what it is cached under: without a signature, so that all visitors share one copy */
  constructor(env: Env, cache: Cache, address: string, sha256: string) {
    this.sha256 = sha256;
    this.#bucket = binding(env, 'WEIGHTS');
    this.#cache = cache;
    this.#address = address;
  }

  /**
   * In bytes.
   *
   * @throws `blob_not_found`
   */
  async size(): Promise<number> {
    const kept = await this.#cache.match(this.#address);
    await kept?.body?.cancel();
    const size = kept && sizeOf(kept);
    if (size !== undefined) return size;
    const head = await this.#bucket.head(blobKey(this.sha256));
    if (!head) throw this.#notFound();
    return head.size;
  }

  /**
   * The file from the cache, else from R2, by one request to either.
   *
   * @throws `blob_not_found`, `range_not_satisfiable`
   */
  async open(range?: ByteRange): Promise<OpenBlob> {
    return (await this.#openCached(range)) ?? (await this.#openStored(range));
  }

  async #openCached(range: ByteRange | undefined): Promise<OpenBlob | undefined> {
    const kept = await this.#cache.match(new Request(this.#address, range ? { headers: { range: rangeHeader(range) } } : {}));
    const size = kept && sizeOf(kept);
    if (!kept?.body || size === undefined) return undefined;
    if (!range && kept.status === 200) return { size, body: kept.body, cached: true };
    const span = range && spanOf(range, size);
    if (span && sentSpan(kept, size) === contentRange(span, size)) return { size, span, body: kept.body, cached: true };
    // A cache may know no ranges, or none of this kind.
    await kept.body.cancel();
    if (range && !span) throw this.#unsatisfiable(size);
    return undefined;
  }

  async #openStored(range: ByteRange | undefined): Promise<OpenBlob> {
    const object = await this.#get(range);
    if (!object) throw this.#notFound();
    if (!range) return { size: object.size, body: object.body, cached: false };
    const span = spanOf(range, object.size);
    if (span) return { size: object.size, span, body: object.body, cached: false };
    await object.body.cancel();
    throw this.#unsatisfiable(object.size);
  }

  /** R2 throws for a range outside the file, and does not tell how long the file is. */
  async #get(range: ByteRange | undefined): Promise<R2ObjectBody | null> {
    const key = blobKey(this.sha256);
    if (!range) return this.#bucket.get(key);
    try {
      return await this.#bucket.get(key, { range: storageRange(range) });
    } catch (thrown) {
      const size = await this.size();
      if (!spanOf(range, size)) throw this.#unsatisfiable(size);
      throw thrown;
    }
  }

  /**
   * Puts the whole file into the cache, if it has the size that it should have: what is cached once is served for a year.
   *
   * @throws `blob_not_found`, `blob_size_mismatch`
   */
  async keep(size: number): Promise<void> {
    // Read again rather than teed: a slow visitor would make the tee hold the whole shard in the Worker's 128 MB.
    const object = await this.#bucket.get(blobKey(this.sha256));
    if (!object) throw this.#notFound();
    if (object.size !== size) {
      await object.body.cancel();
      const said = `${blobKey(this.sha256)} has ${object.size} bytes where the catalogue says ${size}`;
      throw new DiptychError('blob_size_mismatch', `${said}. Publish it again: npx diptych publish.`, { size, actual: object.size });
    }
    const headers = { 'content-length': String(size), 'cache-control': 'public, max-age=31536000, immutable' };
    await this.#cache.put(this.#address, new Response(object.body, { headers }));
  }

  #notFound(): DiptychError {
    const message = `The store has no ${blobKey(this.sha256)}. Publish it: npx diptych publish.`;
    return new DiptychError('blob_not_found', message, { sha256: this.sha256 });
  }

  #unsatisfiable(size: number): DiptychError {
    const message = `The file has ${size} bytes; the range lies outside.`;
    return new DiptychError('range_not_satisfiable', message, { sha256: this.sha256, size });
  }
}

export const contentRange = ({ start, end }: ByteSpan, size: number): string => `bytes ${start}-${end}/${size}`;

/** Bytes of the whole file, as an answer of the cache tells: 200 by its length, 206 and 416 by what they are a part of. */
function sizeOf({ status, headers }: Response): number | undefined {
  const told = (status === 200 ? headers.get('content-length') : headers.get('content-range')?.split('/')[1]) ?? '';
  return /^[0-9]+$/.test(told) ? Number(told) : undefined;
}

const sentSpan = ({ status, headers }: Response, size: number): string | null =>
  status === 200 ? contentRange({ start: 0, end: size - 1 }, size) : headers.get('content-range');

function storageRange(range: ByteRange): R2Range {
  if ('suffix' in range) return range;
  return Number.isFinite(range.last) ? { offset: range.first, length: range.last - range.first + 1 } : { offset: range.first };
}
