import { asDiptychError, type DiptychError } from '../../shared/errors.ts';
import { MAX_PAGE, type SitePage, type SiteRecord } from '../../shared/site-settings.ts';
import type { AdminApi } from './admin-api.ts';

interface TokenStore {
  get(): string | undefined;
  set(token: string): void;
  clear(): void;
}

export type SessionState =
  | { phase: 'opening' }
  /** Without `error` nobody has tried a token yet, or they signed out. */
  | { phase: 'signed-out'; error?: DiptychError; busy: boolean }
  /** Nobody could find out: the edge did not answer, is not set up, or asks to wait. */
  | { phase: 'failed'; error: DiptychError }
  /** `byToken`: not through Cloudflare Access. */
  | { phase: 'signed-in'; sites: readonly SiteRecord[]; byToken: boolean };

/** Who looks at the page: with a token of this tab, or by Cloudflare Access, where none is needed. Fires `change`. */
export class Session extends EventTarget {
  state: SessionState = { phase: 'opening' };
  readonly #api: AdminApi;
  readonly #tokens: TokenStore;
  /** Counts attempts: what an earlier one answers late is nobody's. */
  #attempt = 0;

  constructor(api: AdminApi, tokens: TokenStore) {
    super();
    this.#api = api;
    this.#tokens = tokens;
  }

  /** With the token that the tab has, else with none: behind Cloudflare Access that is enough. */
  async open(): Promise<void> {
    await this.#enter(() => ({ phase: 'opening' }));
  }

  async signIn(token: string): Promise<void> {
    this.#tokens.set(token);
    await this.#enter(() => ({ phase: 'signed-out', busy: true }));
  }

  signOut(): void {
    this.#attempt++;
    this.#tokens.clear();
    this.#set({ phase: 'signed-out', busy: false });
  }

  /** Reads the sites again, after one was changed. Where that fails, the list stays as it was. */
  async refreshSites(): Promise<void> {
    const { state } = this;
    await this.#enter(() => state);
    if (this.state.phase === 'failed') this.#set(state);
  }

  /** Takes an error of any request: one that says that nobody is signed in ends the session. Returns whether it did. */
  endedBy(error: DiptychError): boolean {
    if (isRefusal(error)) this.#refuse(error);
    return isRefusal(error);
  }

  async #enter(meanwhile: () => SessionState): Promise<void> {
    const attempt = ++this.#attempt;
    this.#set(meanwhile());
    try {
      const sites = await this.#readSites();
      if (attempt === this.#attempt) this.#set({ phase: 'signed-in', sites, byToken: this.#tokens.get() !== undefined });
    } catch (thrown) {
      if (attempt === this.#attempt) this.#refuse(asDiptychError(thrown));
    }
  }

  #refuse(error: DiptychError): void {
    this.#attempt++;
    if (!isRefusal(error)) return this.#set({ phase: 'failed', error });
    const tried = this.#tokens.get() !== undefined;
    this.#tokens.clear();
    const isFirstVisit = error.code === 'admin_credentials_missing' && !tried;
    this.#set({ phase: 'signed-out', busy: false, ...(!isFirstVisit && { error }) });
  }

  async #readSites(): Promise<SiteRecord[]> {
    const sites: SiteRecord[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const query = new URLSearchParams({ limit: String(MAX_PAGE), ...(cursor && { cursor }) });
      const page: SitePage = await this.#api.json<SitePage>(`/v1/sites?${query}`);
      sites.push(...page.sites);
      cursor = page.cursor;
    }
    return sites;
  }

  #set(state: SessionState): void {
    this.state = state;
    this.dispatchEvent(new Event('change'));
  }
}

/** Other errors say nothing about the token. */
const isRefusal = ({ code }: DiptychError): boolean => code === 'admin_credentials_missing' || code === 'admin_credentials_invalid';
