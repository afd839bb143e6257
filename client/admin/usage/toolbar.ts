import { css, html, LitElement, nothing } from 'lit';
import { ALL_SITES, type Interval } from '../../../shared/analytics.ts';
import type { SiteRecord } from '../../../shared/site-settings.ts';
import { segmented, segmentedStyles } from '../segmented.ts';
import { controlStyles } from '../styles/control-styles.ts';
import { changeView } from '../view-event.ts';
import type { ViewState } from '../view-state.ts';
import { type Days, daysOf, intervalsFor, isPreset, PRESET_LABELS, type Preset, refusalOf, today } from './period.ts';

const INTERVAL_LABELS: Readonly<Record<Interval, string>> = { hour: 'Hours', day: 'Days', week: 'Weeks', month: 'Months' };
const PERIOD_OPTIONS = [...Object.entries(PRESET_LABELS).map(([value, label]) => ({ value, label })), { value: 'custom', label: 'Custom' }];

/** Of whom, of when, and how fine. */
export class Toolbar extends LitElement {
  static override readonly properties = { view: { attribute: false }, sites: { attribute: false }, refusal: { state: true } };
  declare view: ViewState;
  declare sites: readonly SiteRecord[];
  /** What is wrong with the days that were typed. */
  declare refusal: string | undefined;

  override render() {
    const { view, refusal } = this;
    const custom = isPreset(view.period) ? undefined : view.period;
    return html`<div class="bar">
        <div class="field">
          <label for="site">Site</label>
          <select id="site" @change=${(event: Event) => changeView(this, { site: (event.target as HTMLSelectElement).value })}>
            ${this.#siteOptions()}
          </select>
        </div>
        <div class="field">
          <span class="label" aria-hidden="true">Period (UTC)</span>
          ${segmented({ name: 'period', legend: 'Period, UTC', options: PERIOD_OPTIONS, value: custom ? 'custom' : (view.period as Preset), onChoice: (choice) => this.#choosePeriod(choice) })}
        </div>
        ${custom ? this.#days(custom) : nothing}
        <div class="field">
          <label for="interval">Interval</label>
          <select id="interval" @change=${this.#chooseInterval}>
            <option value="" .selected=${view.interval === undefined}>Automatic</option>
            ${intervalsFor(daysOf(view.period, Date.now())).map(
              (interval) => html`<option value=${interval} .selected=${view.interval === interval}>${INTERVAL_LABELS[interval]}</option>`,
            )}
          </select>
        </div>
        <slot></slot>
      </div>
      <p id="refusal" class="error" role="alert" ?hidden=${!refusal}>${refusal}</p>`;
  }

  #siteOptions() {
    const { site } = this.view;
    const known = [{ id: ALL_SITES, name: 'All sites' }, ...this.sites];
    const options = known.some(({ id }) => id === site) || site === undefined ? known : [...known, { id: site, name: site }];
    return options.map(({ id, name }) => html`<option value=${id} .selected=${id === site}>${name}</option>`);
  }

  #days({ from, to }: Days) {
    const day = (id: 'from' | 'to', label: string, value: string) =>
      html`<div class="field">
        <label for=${id}>${label}</label>
        <input
          id=${id}
          type="date"
          min="2000-01-01"
          max=${today(Date.now())}
          .value=${value}
          aria-describedby="refusal"
          @change=${this.#chooseDays}
        />
      </div>`;
    return html`${day('from', 'From', from)} ${day('to', 'To', to)}`;
  }

  #choosePeriod(choice: string): void {
    this.refusal = undefined;
    changeView(this, { period: choice === 'custom' ? daysOf(this.view.period, Date.now()) : (choice as Preset) });
  }

  #chooseDays(): void {
    const value = (id: string): string => this.renderRoot.querySelector<HTMLInputElement>(`#${id}`)!.value;
    const days = { from: value('from'), to: value('to') };
    this.refusal = refusalOf(days);
    if (!this.refusal) changeView(this, { period: days });
  }

  #chooseInterval(event: Event): void {
    const { value } = event.target as HTMLSelectElement;
    changeView(this, { interval: value === '' ? undefined : (value as Interval) });
  }

  static override readonly styles = [
    controlStyles,
    segmentedStyles,
    css`
      .bar {
        display: flex;
        flex-wrap: wrap;
        align-items: flex-end;
        gap: var(--space-3) var(--space-4);
      }
      .field {
        display: grid;
        gap: 0.375rem;
        min-width: 0;
      }
      .field label:not(.segmented label),
      .label {
        color: var(--muted);
      }
      select {
        width: auto;
        max-width: 16rem;
      }
      slot {
        display: block;
        margin-left: auto;
      }
      p {
        margin: var(--space-3) 0 0;
      }
      @media (max-width: 40rem) {
        .bar {
          display: grid;
          grid-template-columns: repeat(2, minmax(0, 1fr));
        }
        .field:has(.segmented, #site) {
          grid-column: 1 / -1;
        }
        .segmented {
          display: flex;
        }
        .segmented label {
          flex: 1 1 auto;
        }
        .segmented span {
          flex: 1;
          padding: 0 0.25rem;
          font-size: 0.875rem;
        }
        select {
          width: 100%;
          max-width: none;
        }
        slot {
          width: 100%;
        }
      }
    `,
  ];
}
