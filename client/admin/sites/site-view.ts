import { css, html, LitElement, nothing } from 'lit';
import { ERRORS } from '../../../shared/errors.ts';
import type { SiteSettings } from '../../../shared/site-settings.ts';
import type { AdminApi } from '../admin-api.ts';
import { bytesText, countText, longDayText } from '../number-text.ts';
import type { Session } from '../session.ts';
import { controlStyles } from '../styles/control-styles.ts';
import { panelStyles } from '../styles/panel-styles.ts';
import { changeView } from '../view-event.ts';
import { SiteModel, type SiteState, type Usage } from './site-model.ts';

/** One site: its settings, keys, what it has used today, and what was done to it. */
export class SiteView extends LitElement {
  static override readonly properties = { api: { attribute: false }, session: { attribute: false }, site: {} };
  declare api: AdminApi;
  declare session: Session;
  /** Its id. */
  declare site: string;
  #model: SiteModel | undefined;

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (!changed.has('site')) return;
    this.#model?.close();
    this.#model = new SiteModel(this.api, this.site);
    this.#model.addEventListener('change', this.#changed);
    void this.#model.load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#model?.close();
  }

  readonly #changed = (): void => {
    const { error } = this.#model!.state;
    if (!error || !this.session.endedBy(error)) this.requestUpdate();
  };

  override render() {
    const { state } = this.#model!;
    return html`<header>
        <div>
          <a href="/admin?page=sites" @click=${this.#back}>All sites</a>
          <h1>${state.site?.name ?? this.site}</h1>
          <p class="hint">${this.site}${state.site ? `, since ${longDayText(state.site.created)}` : ''}</p>
        </div>
        <a class="button" href=${`/admin?site=${this.site}`} @click=${this.#usage}>See its usage</a>
      </header>
      <div role="status" class=${state.done ? 'done' : nothing}>${state.done}</div>
      <div role="alert" class=${state.error ? 'error' : nothing}>${state.error ? this.#error(state.error) : nothing}</div>
      ${state.site ? this.#panels(state) : state.error ? nothing : html`<div class="skeleton"></div>`}`;
  }

  #error({ code, message }: NonNullable<SiteState['error']>) {
    const reload = html`<button type="button" @click=${() => void this.#model!.load()}>Read it again</button>`;
    return html`<strong>${ERRORS[code].title}</strong>
      <p>${message}</p>
      ${code === 'site_changed' || !this.#model!.state.site ? reload : nothing}`;
  }

  #panels({ site, usage, audit, cursor, busy }: SiteState) {
    const model = this.#model!;
    return html`<div class="columns">
        <admin-site-settings
          .site=${site}
          .busy=${busy}
          @save=${(event: CustomEvent<Partial<SiteSettings>>) => void this.#act(model.save(event.detail))}
        ></admin-site-settings>
        <div class="column">
          ${usage ? this.#today(usage) : nothing}
          <admin-site-keys
            .site=${site}
            .busy=${busy}
            @rotate=${(event: CustomEvent<number>) => void this.#act(model.rotate(event.detail))}
            @revoke=${(event: CustomEvent<string>) => void this.#act(model.revoke(event.detail))}
          ></admin-site-keys>
        </div>
      </div>
      <admin-audit .entries=${audit} .hasOlder=${cursor !== null} @older=${() => void model.loadOlder()}></admin-audit>`;
  }

  #today({ day, bytes, generations }: Usage) {
    const line = (label: string, { limit, used }: Usage['bytes'], text: (amount: number) => string) =>
      html`<div>
        <p>${label} <span class="amount">${limit === null ? 'no limit' : `${text(used)} of ${text(limit)}`}</span></p>
        ${limit === null ? nothing : html`<meter aria-label=${label} min="0" max=${Math.max(limit, 1)} .value=${used}></meter>`}
      </div>`;
    return html`<section class="panel" aria-labelledby="today">
      <h2 id="today">Today’s limits</h2>
      <p class="hint">${longDayText(day)}, until midnight UTC. Where there is no limit, nothing is counted here.</p>
      ${line('Weights', bytes, bytesText)} ${line('Pictures', generations, countText)}
    </section>`;
  }

  /** The list, and the names in the page of usage, know of the change too. */
  async #act(change: Promise<void>): Promise<void> {
    await change;
    if (!this.#model?.state.error) await this.session.refreshSites();
  }

  #back(event: MouseEvent): void {
    event.preventDefault();
    changeView(this, { site: undefined });
  }

  #usage(event: MouseEvent): void {
    event.preventDefault();
    changeView(this, { page: 'usage', site: this.site });
  }

  static override readonly styles = [
    controlStyles,
    panelStyles,
    css`
      :host,
      .column {
        display: grid;
        align-content: start;
        gap: var(--space-4);
      }
      header {
        display: flex;
        flex-wrap: wrap;
        align-items: flex-end;
        justify-content: space-between;
        gap: var(--space-3) var(--space-4);
        overflow-wrap: anywhere;
      }
      h1 {
        margin-top: var(--space-1);
        font-size: 1.75rem;
        letter-spacing: -0.02em;
      }
      .done {
        padding: var(--space-3) var(--space-4);
        border-radius: var(--radius);
        background: var(--accent-wash);
        overflow-wrap: anywhere;
      }
      /* They must be there to be spoken when they fill, and take no room until then. */
      [role='status']:empty,
      [role='alert']:empty {
        position: absolute;
      }
      .error p {
        margin: var(--space-1) 0;
      }
      .columns {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr));
        align-items: start;
        gap: var(--space-4);
      }
      .panel {
        gap: var(--space-3);
        height: auto;
      }
      .panel p {
        display: flex;
        flex-wrap: wrap;
        justify-content: space-between;
        gap: 0 var(--space-3);
        margin: 0;
      }
      .amount {
        color: var(--muted);
        font-variant-numeric: tabular-nums;
      }
      meter {
        width: 100%;
        height: 0.75rem;
      }
    `,
  ];
}
