import { css, html, LitElement, nothing } from 'lit';
import { MAX_LIMIT } from '../../../shared/analytics.ts';
import { asDiptychError } from '../../../shared/errors.ts';
import type { AdminApi } from '../admin-api.ts';
import { saveFile } from '../save-file.ts';
import { controlStyles } from '../styles/control-styles.ts';
import type { ViewState } from '../view-state.ts';
import { analyticsPath } from './analytics-query.ts';
import { DIMENSION_LABELS } from './dimensions.ts';

type Kind = 'series' | 'breakdown' | 'json';

/** Downloads what the page shows. */
export class ExportMenu extends LitElement {
  static override readonly properties = {
    api: { attribute: false },
    view: { attribute: false },
    busy: { state: true },
    failure: { state: true },
  };
  declare api: AdminApi;
  declare view: ViewState;
  declare busy: boolean;
  declare failure: string | undefined;

  override render() {
    const item = (kind: Kind, text: string) =>
      html`<li><button type="button" aria-disabled=${Boolean(this.busy)} @click=${() => void this.#export(kind)}>${text}</button></li>`;
    return html`<details @keydown=${this.#escape} @focusout=${this.#leave}>
      <summary class="button">Export</summary>
      <div class="menu">
        <ul>
          ${item('series', 'Over time, CSV')} ${item('breakdown', `By ${DIMENSION_LABELS[this.view.breakdown]}, CSV`)}
          ${item('json', 'Everything, JSON')}
        </ul>
        ${this.failure ? html`<p class="error" role="alert">${this.failure}</p>` : nothing}
      </div>
    </details>`;
  }

  async #export(kind: Kind): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.failure = undefined;
    try {
      const [path, query] = analyticsPath(this.view, Date.now()).split('?') as [string, string];
      const search = new URLSearchParams(query);
      search.set('limit', String(MAX_LIMIT));
      if (kind === 'series') search.delete('breakdown');
      if (kind !== 'json') search.set('format', 'csv');
      const response = await this.api.response(`${path}?${search}`);
      // The edge names its CSV files; JSON is named alike.
      const named = /filename="([\w.-]+)"/.exec(response.headers.get('content-disposition') ?? '')?.[1];
      saveFile(named ?? `diptych-${path.split('/')[3]}-${search.get('from')}.json`, await response.blob());
      this.#close();
    } catch (thrown) {
      this.failure = asDiptychError(thrown).message;
    } finally {
      this.busy = false;
    }
  }

  #close(): void {
    const details = this.renderRoot.querySelector('details')!;
    details.open = false;
    details.querySelector('summary')!.focus();
  }

  #escape(event: KeyboardEvent): void {
    if (event.key === 'Escape' && this.renderRoot.querySelector('details')!.open) this.#close();
  }

  /** The menu closes behind whoever leaves it. */
  #leave(event: FocusEvent): void {
    const details = event.currentTarget as HTMLDetailsElement;
    if (event.relatedTarget && !details.contains(event.relatedTarget as Node)) details.open = false;
  }

  static override readonly styles = [
    controlStyles,
    css`
      details {
        position: relative;
      }
      summary {
        list-style: none;
      }
      summary::after {
        width: 0.45em;
        height: 0.45em;
        border: solid currentColor;
        border-width: 0 2px 2px 0;
        translate: 0 -25%;
        rotate: 45deg;
        content: '';
      }
      .menu {
        position: absolute;
        z-index: 2;
        right: 0;
        min-width: 15rem;
        margin-top: var(--space-2);
        padding: var(--space-2);
        border: 1px solid var(--line);
        border-radius: 14px;
        background: var(--surface);
        box-shadow: 0 8px 24px rgb(0 0 0 / 0.14);
      }
      ul {
        margin: 0;
        padding: 0;
        list-style: none;
      }
      button {
        justify-content: flex-start;
        width: 100%;
        padding: 0 var(--space-3);
        border-color: transparent;
        border-radius: 8px;
        font-weight: 500;
      }
      button:hover:not([aria-disabled='true']) {
        border-color: transparent;
        background: var(--sunken);
      }
      .error {
        margin: var(--space-2) 0 0;
        font-size: 0.875rem;
      }
      @media (max-width: 40rem) {
        summary,
        .menu {
          width: 100%;
        }
      }
    `,
  ];
}
