import type { Analytics } from '../../../shared/analytics.ts';
import { asDiptychError, type DiptychError } from '../../../shared/errors.ts';
import type { AdminApi } from '../admin-api.ts';
import type { ViewState } from '../view-state.ts';
import { analyticsPath, livePath } from './analytics-query.ts';

export interface UsageState {
  /** The last answer; while another is awaited, what it answered may not be what the page asks any more. */
  answer: { analytics: Analytics; path: string } | undefined;
  loading: boolean;
  error: DiptychError | undefined;
  live: Analytics['live'] | undefined;
}

/** Asks the edge for what the page shows. A newer question ends those before; an answer that comes late is dropped. Fires `change`. */
export class UsageModel extends EventTarget {
  state: UsageState = { answer: undefined, loading: false, error: undefined, live: undefined };
  readonly #api: Pick<AdminApi, 'json'>;
  readonly #now: () => number;
  #asking: AbortController | undefined;
  #asked: ViewState | undefined;
  #counting = false;

  constructor(api: Pick<AdminApi, 'json'>, now: () => number) {
    super();
    this.#api = api;
    this.#now = now;
  }

  /** Loads what the view needs, unless that is what was asked last: another metric needs no other answer. */
  async ask(view: ViewState): Promise<void> {
    if (!this.#asked || analyticsPath(this.#asked, 0) !== analyticsPath(view, 0)) await this.load(view);
  }

  async load(view: ViewState): Promise<void> {
    const signal = this.#restart();
    // Live counts of other sites or filters would be wrong, not merely old.
    const keepsLive = this.#asked && livePath(this.#asked, 0) === livePath(view, 0);
    this.#asked = view;
    this.#set({ loading: true, error: undefined, ...(!keepsLive && { live: undefined }) });
    const path = analyticsPath(view, this.#now());
    try {
      const analytics = await this.#api.json<Analytics>(path, { signal });
      if (!signal.aborted) this.#set({ answer: { analytics, path }, loading: false, live: analytics.live });
    } catch (thrown) {
      if (!signal.aborted) this.#set({ loading: false, error: asDiptychError(thrown) });
    }
  }

  /** Counts live again. Where that fails, the count is not known; the next attempt may succeed. */
  async refreshLive(): Promise<void> {
    if (!this.#asked || !this.#asking || this.state.loading || this.#counting) return;
    const { signal } = this.#asking;
    this.#counting = true;
    const live = await this.#api.json<Analytics>(livePath(this.#asked, this.#now()), { signal }).then(
      (answer) => answer.live,
      () => undefined,
    );
    this.#counting = false;
    if (!signal.aborted) this.#set({ live });
  }

  /** Forgets everything: nothing of it is left for who comes next. */
  clear(): void {
    this.#asking?.abort();
    this.#asking = undefined;
    this.#asked = undefined;
    this.#set({ answer: undefined, loading: false, error: undefined, live: undefined });
  }

  #restart(): AbortSignal {
    this.#asking?.abort();
    this.#asking = new AbortController();
    return this.#asking.signal;
  }

  #set(change: Partial<UsageState>): void {
    this.state = { ...this.state, ...change };
    this.dispatchEvent(new Event('change'));
  }
}
