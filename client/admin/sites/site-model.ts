import { asDiptychError, type DiptychError } from '../../../shared/errors.ts';
import type { AuditEntry, AuditPage, SiteRecord, SiteSettings } from '../../../shared/site-settings.ts';
import type { AdminApi } from '../admin-api.ts';

/** What a site has used of today's quotas. */
export interface Usage {
  day: string;
  bytes: { limit: number | null; used: number };
  generations: { limit: number | null; used: number };
}

export interface SiteState {
  site: SiteRecord | undefined;
  usage: Usage | undefined;
  audit: readonly AuditEntry[];
  /** Of the next, older entries; null: there are none. */
  cursor: string | null;
  busy: boolean;
  /** Of the last reading or change. */
  error: DiptychError | undefined;
  /** What was done last, for people. */
  done: string | undefined;
}

const EMPTY: SiteState = { site: undefined, usage: undefined, audit: [], cursor: null, busy: false, error: undefined, done: undefined };

/** One site and what is done to it. A change holds only where the site is still as it was read. Fires `change`. */
export class SiteModel extends EventTarget {
  state = EMPTY;
  readonly #api: AdminApi;
  readonly #path: string;
  readonly #abort = new AbortController();
  #etag: string | undefined;

  constructor(api: AdminApi, id: string) {
    super();
    this.#api = api;
    this.#path = `/v1/sites/${id}`;
  }

  /** Nobody looks at it any more: what is still answered is dropped. */
  close(): void {
    this.#abort.abort();
  }

  async load(): Promise<void> {
    await this.#attempt(() => this.#read());
  }

  async save(change: Partial<SiteSettings>): Promise<void> {
    await this.#change('Saved.', 'PATCH', '', change);
  }

  /** @param overlap seconds for which the keys so far are accepted */
  async rotate(overlap: number): Promise<void> {
    await this.#change('A new key is there. Put it into the site’s pages before the others expire.', 'POST', '/keys', { overlap });
  }

  async revoke(key: string): Promise<void> {
    await this.#change(`${key} is not accepted any more.`, 'DELETE', `/keys/${key}`);
  }

  async loadOlder(): Promise<void> {
    const { cursor } = this.state;
    if (cursor === null) return;
    await this.#attempt(async () => {
      const page = await this.#api.json<AuditPage>(`${this.#path}/audit?cursor=${cursor}`, { signal: this.#abort.signal });
      this.#set({ audit: [...this.state.audit, ...page.entries], cursor: page.cursor });
    });
  }

  async #change(done: string, method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<void> {
    await this.#attempt(async () => {
      await this.#api.response(this.#path + path, { method, match: this.#etag, ...(body && { body }) });
      await this.#read();
      this.#set({ done });
    });
  }

  async #read(): Promise<void> {
    const { signal } = this.#abort;
    const [response, usage, audit] = await Promise.all([
      this.#api.response(this.#path, { signal }),
      this.#api.json<Usage>(`${this.#path}/usage`, { signal }),
      this.#api.json<AuditPage>(`${this.#path}/audit`, { signal }),
    ]);
    this.#etag = response.headers.get('etag') ?? undefined;
    this.#set({ site: (await response.json()) as SiteRecord, usage, audit: audit.entries, cursor: audit.cursor });
  }

  async #attempt(act: () => Promise<void>): Promise<void> {
    if (this.state.busy) return;
    this.#set({ busy: true, error: undefined, done: undefined });
    try {
      await act();
    } catch (thrown) {
      this.#set({ error: asDiptychError(thrown) });
    }
    this.#set({ busy: false });
  }

  #set(change: Partial<SiteState>): void {
    if (this.#abort.signal.aborted) return;
    this.state = { ...this.state, ...change };
    this.dispatchEvent(new Event('change'));
  }
}
