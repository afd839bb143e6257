import { html, LitElement } from 'lit';
import type { Analytics, FUNNEL } from '../../../shared/analytics.ts';
import { lyingBars } from '../charts/bars.ts';
import type { Palette } from '../charts/palette.ts';
import { countText, NO_FIGURE, percentText, shortCountText } from '../number-text.ts';
import { controlStyles } from '../styles/control-styles.ts';
import { panelStyles } from '../styles/panel-styles.ts';
import type { Filter } from '../view-state.ts';
import { changeOf } from './change-text.ts';
import { isCounted } from './dimensions.ts';

type Step = (typeof FUNNEL)[number];

const STEP_LABELS: Readonly<Record<Step, string>> = {
  view: 'View',
  consent: 'Consent',
  ready: 'Ready',
  generate_start: 'Generate',
  generate_complete: 'Complete',
};

/** From the opened studio to the finished picture. */
export class FunnelPanel extends LitElement {
  static override readonly properties = { analytics: { attribute: false }, filters: { attribute: false } };
  declare analytics: Analytics | undefined;
  declare filters: readonly Filter[];

  override render() {
    return html`<section class="panel" aria-labelledby="heading">
      <header>
        <div>
          <h2 id="heading">From view to picture</h2>
          <p class="hint">
            Events, not visitors: one visit can make many pictures, and consent is asked only where something is to be downloaded.
          </p>
        </div>
      </header>
      ${this.analytics ? this.#chart(this.analytics.funnel) : html`<div class="skeleton"></div>`}
    </section>`;
  }

  #chart(funnel: Analytics['funnel']) {
    const counted = funnel.filter(({ event }) => isCounted(event, this.filters));
    const [first] = counted;
    if (!first || counted.every(({ events }) => events === 0)) return html`<p class="empty">Nothing was counted in this period.</p>`;
    const share = (events: number, of: number | undefined): string => (of ? percentText(events / of) : NO_FIGURE);
    const rows = funnel.map(({ event, events, previous }) => {
      const i = counted.findIndex((step) => step.event === event);
      if (i < 0) return { name: STEP_LABELS[event], cells: ['not told', NO_FIGURE, NO_FIGURE, NO_FIGURE] };
      const change = changeOf('count', events, previous)?.text ?? NO_FIGURE;
      return {
        name: STEP_LABELS[event],
        cells: [countText(events), share(events, first.events), share(events, counted[i - 1]?.events), change],
      };
    });
    const base = STEP_LABELS[first.event].toLowerCase();
    const columns = ['Step', 'Events', `Of ${base}`, 'Of previous', 'Change'];
    const bars = {
      labels: counted.map(({ event }) => STEP_LABELS[event]),
      sets: [{ label: 'Events', values: counted.map(({ events }) => events) }],
      text: shortCountText,
    };
    const last = counted.at(-1)!;
    return html`<admin-chart
      .chart=${(palette: Palette) => lyingBars(bars, palette)}
      .name=${'From view to picture'}
      .summary=${`${counted.map(({ event, events }) => `${STEP_LABELS[event]} ${countText(events)}`).join(', ')}. ${STEP_LABELS[last.event]} is ${share(last.events, first.events)} of ${base}.`}
      .table=${{ caption: 'From view to picture, step by step', columns, rows }}
      .height=${200}
      .open=${true}
    ></admin-chart>`;
  }

  static override readonly styles = [controlStyles, panelStyles];
}
