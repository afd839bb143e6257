import { html, LitElement } from 'lit';
import type { Analytics } from '../../../shared/analytics.ts';
import { controlStyles } from '../styles/control-styles.ts';
import { panelStyles } from '../styles/panel-styles.ts';
import { tableStyles } from '../styles/table-styles.ts';
import type { Filter } from '../view-state.ts';
import { valueText } from './dimensions.ts';
import { filterButton, filterStyles } from './filter-rows.ts';
import { rankingStyles, rankingTable } from './ranking-table.ts';

/** Which fusion rules pictures are made by. */
export class RulesPanel extends LitElement {
  static override readonly properties = { analytics: { attribute: false }, filters: { attribute: false } };
  declare analytics: Analytics | undefined;
  declare filters: readonly Filter[];

  override render() {
    return html`<section class="panel" aria-labelledby="heading">
      <header>
        <div>
          <h2 id="heading">Fusion rules</h2>
          <p class="hint">By finished pictures</p>
        </div>
      </header>
      ${this.analytics ? this.#table(this.analytics) : html`<div class="skeleton"></div>`}
    </section>`;
  }

  #table({ most_used: { rule }, totals }: Analytics) {
    if (rule.length === 0) return html`<p class="empty">No picture was finished in this period.</p>`;
    const rows = rule.map(({ value, events }) => ({
      events,
      name: filterButton({ text: valueText('rule', value), filters: this.filters, chosen: { rule: value }, control: this }),
    }));
    return rankingTable({ caption: 'Fusion rules', columns: ['Rule', 'Pictures'], rows, total: totals.generate_complete });
  }

  static override readonly styles = [controlStyles, panelStyles, tableStyles, filterStyles, rankingStyles];
}
