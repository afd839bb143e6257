import { css, html, LitElement, nothing } from 'lit';
import { type Analytics, type Breakdown, BREAKDOWNS, type Totals } from '../../../shared/analytics.ts';
import { bytesText, countText, percentText } from '../number-text.ts';
import { controlStyles } from '../styles/control-styles.ts';
import { panelStyles } from '../styles/panel-styles.ts';
import { tableStyles } from '../styles/table-styles.ts';
import { tableOf } from '../table.ts';
import { changeView } from '../view-event.ts';
import type { Filter } from '../view-state.ts';
import { DIMENSION_LABELS, errorTitle, isDimensionOf, valueText } from './dimensions.ts';
import { filterButton, filterStyles } from './filter-rows.ts';
import { METRICS } from './metrics.ts';

interface Column {
  label: string;
  /** The event that must carry the dimension, for the column to say anything. */
  event: 'view' | 'ready' | 'download' | 'generate_start' | 'generate_complete' | 'generate_error';
  text: (totals: Totals) => string;
}

const COLUMNS: readonly Column[] = [
  { label: 'Views', event: 'view', text: ({ view }) => countText(view) },
  { label: 'Ready', event: 'ready', text: ({ ready }) => countText(ready) },
  { label: 'Started', event: 'generate_start', text: (totals) => countText(totals.generate_start) },
  { label: 'Pictures', event: 'generate_complete', text: (totals) => countText(totals.generate_complete) },
  { label: 'Completion', event: 'generate_start', text: (totals) => percentText(METRICS.completion.of(totals)) },
  { label: 'Errors', event: 'generate_error', text: (totals) => countText(totals.generate_error) },
  { label: 'Downloaded', event: 'download', text: ({ bytes }) => bytesText(bytes) },
  { label: 'From cache', event: 'download', text: ({ cache_share }) => percentText(cache_share) },
  { label: 'Subject’s share', event: 'generate_complete', text: ({ subject_share }) => percentText(subject_share) },
];

/** The same figures for each value of a dimension. */
export class BreakdownPanel extends LitElement {
  static override readonly properties = {
    analytics: { attribute: false },
    filters: { attribute: false },
    by: {},
    siteName: { attribute: false },
  };
  declare analytics: Analytics | undefined;
  declare filters: readonly Filter[];
  declare by: Breakdown;
  declare siteName: (id: string) => string;

  override render() {
    return html`<section class="panel" aria-labelledby="heading">
      <header>
        <div>
          <h2 id="heading">Breakdown</h2>
          <p class="hint">Choose a row to see that one alone</p>
        </div>
        <div class="by">
          <label for="by">By</label>
          <select id="by" @change=${this.#choose}>
            ${BREAKDOWNS.map((name) => html`<option value=${name} .selected=${name === this.by}>${DIMENSION_LABELS[name]}</option>`)}
          </select>
        </div>
      </header>
      ${this.analytics?.breakdown ? this.#table(this.analytics.breakdown) : html`<div class="skeleton"></div>`}
    </section>`;
  }

  #choose(event: Event): void {
    changeView(this, { breakdown: (event.target as HTMLSelectElement).value as Breakdown });
  }

  #table({ by, rows, values }: NonNullable<Analytics['breakdown']>) {
    const columns = COLUMNS.filter(({ event }) => isDimensionOf(by, event));
    // Events that cannot carry the dimension are not a value of it.
    const told = rows.filter((row) => columns.some(({ event }) => row[event] > 0));
    if (told.length === 0) return html`<p class="empty">Nothing was counted in this period.</p>`;
    const table = {
      caption: `Figures by ${DIMENSION_LABELS[by].toLowerCase()}`,
      columns: [DIMENSION_LABELS[by], ...columns.map(({ label }) => label)],
      rows: told.map((row) => ({ name: this.#name(by, row.value), cells: columns.map(({ text }) => text(row)) })),
    };
    return html`<div class="scroll" tabindex="0" role="region" aria-label=${table.caption}>${tableOf(table)}</div>
      ${values > rows.length ? html`<p class="hint more">The ${rows.length} with the most events of ${countText(values)}. The export as CSV has more.</p>` : nothing}`;
  }

  #name(by: Breakdown, value: string) {
    const detail = by === 'code' ? errorTitle(value) : '';
    const text = valueText(by, value, this.siteName);
    return filterButton({ text, ...(detail && { detail }), filters: this.filters, chosen: { [by]: value }, control: this });
  }

  static override readonly styles = [
    controlStyles,
    panelStyles,
    tableStyles,
    filterStyles,
    css`
      .by {
        display: flex;
        align-items: center;
        gap: var(--space-2);
      }
      .scroll {
        margin-inline: calc(-1 * var(--space-2));
        padding-inline: var(--space-2);
        overflow-x: auto;
      }
      .scroll th:first-child {
        min-width: 8rem;
      }
      .more {
        margin-top: var(--space-3);
      }
    `,
  ];
}
