import { css, html, LitElement } from 'lit';
import type { Analytics } from '../../../shared/analytics.ts';
import { countText, percentText } from '../number-text.ts';
import { controlStyles } from '../styles/control-styles.ts';
import { panelStyles } from '../styles/panel-styles.ts';
import { tableStyles } from '../styles/table-styles.ts';
import type { Filter } from '../view-state.ts';
import { errorTitle, isCounted } from './dimensions.ts';
import { filterButton, filterStyles } from './filter-rows.ts';
import { rankingStyles, rankingTable } from './ranking-table.ts';

/** Why generations failed, and how many browsers cannot run the model at all. */
export class ErrorsPanel extends LitElement {
  static override readonly properties = { analytics: { attribute: false }, filters: { attribute: false } };
  declare analytics: Analytics | undefined;
  declare filters: readonly Filter[];

  override render() {
    return html`<section class="panel" aria-labelledby="heading">
      <header>
        <div>
          <h2 id="heading">Errors</h2>
          <p class="hint">Failed generations by their code</p>
        </div>
      </header>
      ${this.analytics ? this.#content(this.analytics) : html`<div class="skeleton"></div>`}
    </section>`;
  }

  #content({ error_codes, totals }: Analytics) {
    const rows = error_codes.map(({ value, events }) => {
      const title = errorTitle(value);
      const name = { text: title || value || 'No code told', ...(title && { detail: value }) };
      return { events, name: filterButton({ ...name, filters: this.filters, chosen: { code: value }, control: this }) };
    });
    const table = { caption: 'Error codes', columns: ['Error', 'Failed'] as const, rows, total: totals.generate_error };
    return html`${rows.length > 0 ? rankingTable(table) : html`<p class="empty">Nothing failed in this period.</p>`}
      <p class="hint unsupported">${this.#unsupported(totals)}</p>`;
  }

  #unsupported({ unsupported, unsupported_share }: Analytics['totals']): string {
    const runs = `${countText(unsupported)} ${unsupported === 1 ? 'try' : 'tries'}`;
    const share = isCounted('view', this.filters) && unsupported_share !== null ? `, ${percentText(unsupported_share)} of views` : '';
    return `Unsupported browsers: ${runs}${share}. They have no WebGPU adapter, or none and a model too large to do without.`;
  }

  static override readonly styles = [
    controlStyles,
    panelStyles,
    tableStyles,
    filterStyles,
    rankingStyles,
    css`
      .unsupported {
        margin-top: auto;
        padding-top: var(--space-4);
      }
    `,
  ];
}
