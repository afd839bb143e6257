import { html, LitElement } from 'lit';
import type { Analytics } from '../../../shared/analytics.ts';
import { segmented, segmentedStyles } from '../segmented.ts';
import { controlStyles } from '../styles/control-styles.ts';
import { panelStyles } from '../styles/panel-styles.ts';
import { tableStyles } from '../styles/table-styles.ts';
import type { Filter } from '../view-state.ts';
import { DIMENSION_LABELS, valueText } from './dimensions.ts';
import { filterButton, filterStyles } from './filter-rows.ts';
import { rankingStyles, rankingTable } from './ranking-table.ts';

const LISTS = [
  { value: 'subject', label: 'Subjects' },
  { value: 'style', label: 'Styles' },
  { value: 'pair', label: 'Pairs' },
] as const;

/** What pictures are made of. */
export class MostUsedPanel extends LitElement {
  static override readonly properties = { analytics: { attribute: false }, filters: { attribute: false }, list: { state: true } };
  declare analytics: Analytics | undefined;
  declare filters: readonly Filter[];
  declare list: (typeof LISTS)[number]['value'];

  constructor() {
    super();
    this.list = 'subject';
  }

  override render() {
    return html`<section class="panel" aria-labelledby="heading">
      <header>
        <div>
          <h2 id="heading">Most used</h2>
          <p class="hint">By finished pictures</p>
        </div>
        ${segmented({ name: 'list', legend: 'Which list', options: LISTS, value: this.list, onChoice: (list) => (this.list = list) })}
      </header>
      ${this.analytics ? this.#table(this.analytics) : html`<div class="skeleton"></div>`}
    </section>`;
  }

  #table({ most_used, totals }: Analytics) {
    const { list, filters } = this;
    if (most_used[list].length === 0) return html`<p class="empty">No picture was finished in this period.</p>`;
    const rows = most_used[list].map(({ value, events }) => ({
      events,
      name: filterButton({ text: valueText(list, value), filters, chosen: { [list]: value }, control: this }),
    }));
    return rankingTable({
      caption: `Most used: ${DIMENSION_LABELS[list]}`,
      columns: [DIMENSION_LABELS[list], 'Pictures'],
      rows,
      total: totals.generate_complete,
    });
  }

  static override readonly styles = [controlStyles, panelStyles, tableStyles, filterStyles, rankingStyles, segmentedStyles];
}
