import { css, html, LitElement, nothing } from 'lit';
import { ALL_SITES, type Analytics } from '../../../shared/analytics.ts';
import type { SiteRecord } from '../../../shared/site-settings.ts';
import type { AdminApi } from '../admin-api.ts';
import { countText, instantText, longDayText } from '../number-text.ts';
import { controlStyles } from '../styles/control-styles.ts';
import type { ViewState } from '../view-state.ts';
import type { UsageState } from './usage-model.ts';

/** How the studio is used: what of, then the figures, then what they are made of. */
export class UsagePage extends LitElement {
  static override readonly properties = {
    api: { attribute: false },
    view: { attribute: false },
    sites: { attribute: false },
    state: { attribute: false },
  };
  declare api: AdminApi;
  declare view: ViewState;
  declare sites: readonly SiteRecord[];
  declare state: UsageState;

  override render() {
    const { view, state } = this;
    const analytics = state.error ? undefined : state.answer?.analytics;
    return html`<header>
        <h1>${this.#siteName(view.site ?? ALL_SITES)}</h1>
        ${this.#live()}
      </header>
      <admin-toolbar .view=${view} .sites=${this.sites}><admin-export .api=${this.api} .view=${view}></admin-export></admin-toolbar>
      <admin-filter-chips ?hidden=${view.filters.length === 0} .filters=${view.filters} .siteName=${this.#siteName}></admin-filter-chips>
      <p class="hint period">${analytics ? periodText(analytics) : ' '}</p>
      <p class="visually-hidden" role="status">${this.#announcement(analytics)}</p>
      ${state.error ? html`<admin-failure .error=${state.error}></admin-failure>` : this.#panels(analytics)}`;
  }

  readonly #siteName = (id: string): string => (id === ALL_SITES ? 'All sites' : (this.sites.find((site) => site.id === id)?.name ?? id));

  #live() {
    const { live } = this.state;
    if (!live) return nothing;
    const text = `${countText(live.view)} opened, ${countText(live.generate_start)} started`;
    return html`<p class="live">
      <i aria-hidden="true"></i><span><strong>Live</strong> ${text} <span class="muted">in the last ${live.minutes} minutes</span></span>
    </p>`;
  }

  #panels(analytics: Analytics | undefined) {
    const { filters, metric, breakdown } = this.view;
    return html`<div class="panels" aria-busy=${this.state.loading} ?data-stale=${this.state.loading && analytics !== undefined}>
      <admin-totals class="wide" .analytics=${analytics} .metric=${metric} .filters=${filters}></admin-totals>
      <admin-series class="wide" .analytics=${analytics} .metric=${metric} .filters=${filters}></admin-series>
      <div class="column">
        <admin-funnel .analytics=${analytics} .filters=${filters}></admin-funnel>
        <admin-weights .analytics=${analytics} .filters=${filters}></admin-weights>
        <admin-errors .analytics=${analytics} .filters=${filters}></admin-errors>
      </div>
      <div class="column">
        <admin-speed .analytics=${analytics} .filters=${filters}></admin-speed>
        <admin-most-used .analytics=${analytics} .filters=${filters}></admin-most-used>
        <admin-rules .analytics=${analytics} .filters=${filters}></admin-rules>
      </div>
      <admin-breakdown
        class="wide"
        .analytics=${analytics}
        .filters=${filters}
        .by=${breakdown}
        .siteName=${this.#siteName}
      ></admin-breakdown>
    </div>`;
  }

  #announcement(analytics: Analytics | undefined): string {
    if (this.state.loading) return 'Loading the figures.';
    if (!analytics) return '';
    const { view, generate_complete, generate_error } = analytics.totals;
    return `${this.#siteName(analytics.site)}, ${periodText(analytics)}: ${countText(view)} views, ${countText(generate_complete)} pictures, ${countText(generate_error)} errors.`;
  }

  static override readonly styles = [
    controlStyles,
    css`
      :host {
        display: grid;
        gap: var(--space-4);
      }
      header {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: space-between;
        gap: var(--space-2) var(--space-4);
      }
      h1 {
        min-width: 0;
        font-size: 1.75rem;
        letter-spacing: -0.02em;
        overflow-wrap: anywhere;
      }
      .live {
        display: flex;
        align-items: center;
        gap: var(--space-2);
        margin: 0;
        font-size: 0.875rem;
        font-variant-numeric: tabular-nums;
      }
      .live i {
        flex: none;
        width: 9px;
        height: 9px;
        border-radius: 50%;
        background: var(--good);
      }
      .muted {
        color: var(--muted);
      }
      .panels,
      .column {
        display: grid;
        gap: var(--space-4);
      }
      .panels {
        grid-template-columns: repeat(2, minmax(0, 1fr));
      }
      /* What one column has less is given to its last panel. */
      .column {
        grid-template-rows: auto auto 1fr;
      }
      .panels[data-stale] {
        opacity: 0.5;
      }
      .wide {
        grid-column: 1 / -1;
      }
      @media (max-width: 60rem) {
        .panels {
          grid-template-columns: minmax(0, 1fr);
        }
      }
      @media (max-width: 30rem) {
        .panels,
        .column {
          gap: var(--space-3);
        }
      }
    `,
  ];
}

/** The period's end is not in it; where that is midnight, the last day is the one before. */
function periodText({ period, previous_period }: Analytics): string {
  return `${spanText(period)}, compared with ${spanText(previous_period)} (UTC)`;
}

function spanText({ from, to }: Analytics['period']): string {
  const [fromDay, toDay] = [from, to].map((instant) => instant.endsWith('T00:00:00.000Z'));
  if (!fromDay || !toDay) return `${instantText(from)} to ${instantText(to)}`;
  const last = new Date(Date.parse(to) - 1).toISOString();
  return last.slice(0, 10) === from.slice(0, 10) ? longDayText(from) : `${longDayText(from)} to ${longDayText(last)}`;
}
