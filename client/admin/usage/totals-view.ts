import { css, html, LitElement, nothing } from 'lit';
import type { Analytics } from '../../../shared/analytics.ts';
import { NO_FIGURE } from '../number-text.ts';
import { controlStyles } from '../styles/control-styles.ts';
import { changeView } from '../view-event.ts';
import type { Filter } from '../view-state.ts';
import { changeOf } from './change-text.ts';
import { isCounted, uncarried } from './dimensions.ts';
import { figureText, METRIC_NAMES, type MetricName, metricOf } from './metrics.ts';

/** The figures of the period, each with its change; the chosen one is what the chart over time shows. */
export class TotalsView extends LitElement {
  static override readonly properties = { analytics: { attribute: false }, metric: {}, filters: { attribute: false } };
  declare analytics: Analytics | undefined;
  declare metric: MetricName;
  declare filters: readonly Filter[];

  override render() {
    return html`<h2 class="visually-hidden">Totals</h2>
      <div class="tiles" role="group" aria-label="Totals. The chosen one is shown over time.">
        ${METRIC_NAMES.map((name) => this.#tile(name))}
      </div>`;
  }

  #tile(name: MetricName) {
    const { label, note } = metricOf(name);
    return html`<button
      type="button"
      aria-pressed=${name === this.metric}
      data-metric=${name}
      @click=${() => changeView(this, { metric: name })}
    >
      <span class="name">${label}</span>
      ${this.analytics ? this.#figure(name, this.analytics) : html`<span class="value"><i class="skeleton"></i></span>`}
      <span class="note">${note}</span>
    </button>`;
  }

  #figure(name: MetricName, { totals, previous_totals }: Analytics) {
    const { kind, of, better, events } = metricOf(name);
    const uncounted = events.find((event) => !isCounted(event, this.filters));
    if (uncounted)
      return html`<span class="value none" title=${`Not recorded by ${uncarried(uncounted, this.filters)}`}>${NO_FIGURE}</span>
        <span class="change">not by ${uncarried(uncounted, this.filters)}</span>`;
    const change = changeOf(kind, of(totals), of(previous_totals));
    const mood =
      change && better && change.direction !== 'level' ? ((change.direction === 'up') === (better === 'more') ? 'good' : 'bad') : '';
    return html`<span class="value">${figureText(kind, of(totals))}</span>
      <span class="change ${mood}">
        ${change?.text ?? 'nothing before'}${change ? html`<span class="visually-hidden"> against the period before</span>` : nothing}
      </span>`;
  }

  static override readonly styles = [
    controlStyles,
    css`
      .tiles {
        display: grid;
        grid-template-columns: repeat(4, minmax(0, 1fr));
        gap: var(--space-3);
      }
      button {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        align-items: baseline;
        justify-content: stretch;
        gap: 0 var(--space-2);
        padding: var(--space-4);
        border-color: var(--line);
        border-radius: 14px;
        font-weight: 400;
        text-align: left;
      }
      button[aria-pressed='true'] {
        border-color: var(--accent);
        box-shadow: inset 0 0 0 1px var(--accent);
      }
      .name {
        grid-column: 1 / -1;
        font-size: 0.8125rem;
        font-weight: 600;
      }
      .value {
        font-size: 1.625rem;
        font-weight: 650;
        line-height: 1.35;
        letter-spacing: -0.015em;
        font-variant-numeric: tabular-nums;
        white-space: nowrap;
      }
      .value.none,
      .change,
      .note {
        color: var(--muted);
      }
      .change {
        font-size: 0.8125rem;
        font-variant-numeric: tabular-nums;
        text-align: right;
      }
      .change.good {
        color: var(--good);
      }
      .change.bad {
        color: var(--danger);
      }
      .note {
        grid-column: 1 / -1;
        font-size: 0.75rem;
      }
      .skeleton {
        display: block;
        width: 60%;
        height: 1.25rem;
        margin: 0.4rem 0;
        border-radius: 6px;
        background: var(--sunken);
      }
      @media (max-width: 60rem) {
        .tiles {
          grid-template-columns: repeat(2, minmax(0, 1fr));
        }
      }
      @media (max-width: 30rem) {
        .tiles {
          gap: var(--space-2);
        }
        button {
          grid-template-columns: minmax(0, 1fr);
          padding: var(--space-3);
        }
        .value {
          font-size: 1.375rem;
        }
        .change {
          text-align: left;
        }
      }
    `,
  ];
}
