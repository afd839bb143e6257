import type { Env } from '../env.ts';
import { logError } from '../logging/log.ts';
import type { StoredBlob } from './blobs.ts';
import type { Catalogues } from './catalogue.ts';

/** Brings files into the data centre's cache, each once at a time: a thousand first visitors must not make a thousand copies. */
export class CacheFiller {
  readonly #catalogues: Catalogues;
  readonly #busy = new Set<string>();

  constructor(catalogues: Catalogues) {
    this.#catalogues = catalogues;
  }

  /** Only what the catalogue names is kept. A failure is the operator's to know; the visitor has his answer already. */
  async keep(env: Env, blob: StoredBlob, requestId: string): Promise<void> {
    const { sha256 } = blob;
    if (this.#busy.has(sha256)) return;
    this.#busy.add(sha256);
    try {
      const named = (await this.#catalogues.current(env)).blobs.get(sha256);
      if (named) await blob.keep(named.bytes);
    } catch (thrown) {
      logError('cache_failed', thrown, { request_id: requestId, sha256 });
    } finally {
      this.#busy.delete(sha256);
    }
  }
}
