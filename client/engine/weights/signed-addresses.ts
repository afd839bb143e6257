import type { BlobRef } from '../../../shared/manifest.ts';
import type { SignedBlob } from '../../../shared/protocol.ts';
import { problemOf } from './problem.ts';

/** How many addresses are asked for at once; the edge takes twice as many. */
const BATCH = 256;

export interface EdgeSite {
  /** The edge's origin: `https://edge.example`. */
  edge: string;
  /** The site key: `pk_...`. */
  site: string;
}

/** Signed, expiring addresses of blobs, asked of the edge in batches and kept until one of them has expired. */
export class SignedAddresses {
  readonly #edge: string;
  readonly #endpoint: string;
  readonly #fetch: typeof fetch;
  readonly #known = new Map<string, Promise<string>>();

  constructor({ edge, site }: EdgeSite, fetcher: typeof fetch) {
    this.#edge = edge;
    this.#endpoint = `${edge}/v1/downloads?site=${encodeURIComponent(site)}`;
    this.#fetch = fetcher;
  }

  /** The address of `ref`, which is asked for together with the others of `wanted` that have none yet. */
  async get(ref: BlobRef, wanted: readonly BlobRef[], signal: AbortSignal | undefined): Promise<string> {
    if (!this.#known.has(ref.sha256))
      this.#request([ref, ...wanted.filter((other) => other.sha256 !== ref.sha256 && !this.#known.has(other.sha256))], signal);
    return this.#known.get(ref.sha256)!;
  }

  /** Forgets every address when `url` is still the one known for `ref`: they were signed together and have expired together. */
  async expire(ref: BlobRef, url: string): Promise<void> {
    if ((await this.#known.get(ref.sha256)) === url) this.#known.clear();
  }

  #request(refs: readonly BlobRef[], signal: AbortSignal | undefined): void {
    const batch = refs.slice(0, BATCH);
    const answer = this.#sign(batch, signal);
    for (const { sha256 } of batch) {
      const address = answer.then((signed) => new URL(addressOf(sha256, signed), this.#edge).href);
      // Whoever waits for this blob hears of the failure; the next one to ask tries again.
      address.catch(() => this.#known.delete(sha256));
      this.#known.set(sha256, address);
    }
  }

  async #sign(refs: readonly BlobRef[], signal: AbortSignal | undefined): Promise<SignedBlob[]> {
    const body = JSON.stringify({ hashes: refs.map((ref) => ref.sha256) });
    const response = await this.#fetch(this.#endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: signal ?? null,
    });
    if (!response.ok) throw await problemOf(response);
    return ((await response.json()) as { downloads: SignedBlob[] }).downloads;
  }
}

function addressOf(sha256: string, signed: readonly SignedBlob[]): string {
  const found = signed.find((blob) => blob.sha256 === sha256);
  if (!found) throw new TypeError(`the edge signed no address for ${sha256}`);
  return found.url;
}
