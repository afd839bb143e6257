import { sha256 } from './sha256.ts';

/** A file of weights, named by its content. */
export interface Shard {
  sha256: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** Where a tensor's bytes are: `location` is the SHA-256 of a shard. */
export interface Place {
  location: string;
  offset: number;
  length: number;
}

/** Tensors begin at multiples of this many bytes: runtimes read them in place, with vector instructions. */
const ALIGNMENT = 64;

/**
 * Packs tensors into shards of at most `shardBytes` bytes, in the order they come; one that is larger gets a shard of its own. A tensor
 * is never split, and one whose bytes were packed before is not packed again: graphs that go through one writer share their weights.
 * No more than one shard is in memory at once.
 */
export class ShardWriter {
  /** Bytes of each shard written so far, by SHA-256. */
  readonly written = new Map<string, number>();
  readonly #shardBytes: number;
  readonly #write: (shard: Shard) => Promise<void>;
  /** By the tensor's own SHA-256; `location` is empty until its shard is written. */
  readonly #places = new Map<string, Place>();
  #open: { place: Place; bytes: Uint8Array }[] = [];
  #length = 0;

  constructor(shardBytes: number, write: (shard: Shard) => Promise<void>) {
    this.#shardBytes = shardBytes;
    this.#write = write;
  }

  /** Packs one tensor; the place's location is filled in by the next `flush` at the latest. */
  async put(bytes: Uint8Array<ArrayBuffer>): Promise<Place> {
    const key = await sha256(bytes);
    const known = this.#places.get(key);
    if (known) return known;
    const place: Place = { location: '', offset: 0, length: bytes.length };
    this.#places.set(key, place);
    if (bytes.length > this.#shardBytes) {
      await this.#emit([{ place, bytes }], bytes.length);
      return place;
    }
    if (align(this.#length) + bytes.length > this.#shardBytes) await this.flush();
    place.offset = align(this.#length);
    this.#open.push({ place, bytes });
    this.#length = place.offset + bytes.length;
    return place;
  }

  /** Writes the shard that is being filled. */
  async flush(): Promise<void> {
    if (this.#open.length === 0) return;
    const [entries, length] = [this.#open, this.#length];
    this.#open = [];
    this.#length = 0;
    await this.#emit(entries, length);
  }

  async #emit(entries: readonly { place: Place; bytes: Uint8Array }[], length: number): Promise<void> {
    const bytes = new Uint8Array(length);
    for (const entry of entries) bytes.set(entry.bytes, entry.place.offset);
    const name = await sha256(bytes);
    for (const { place } of entries) place.location = name;
    this.written.set(name, length);
    await this.#write({ sha256: name, bytes });
  }
}

function align(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}
