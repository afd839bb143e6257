import { css, html, LitElement, nothing } from 'lit';
import type { SiteRecord } from '../../../shared/site-settings.ts';
import type { AdminApi } from '../admin-api.ts';
import type { Session } from '../session.ts';
import { controlStyles } from '../styles/control-styles.ts';
import { changeView } from '../view-event.ts';
import type { ViewState } from '../view-state.ts';

/** The list of sites, or one of them. */
export class SitesPage extends LitElement {
  static override readonly properties = {
    api: { attribute: false },
    session: { attribute: false },
    sites: { attribute: false },
    view: { attribute: false },
    creating: { state: true },
  };
  declare api: AdminApi;
  declare session: Session;
  declare sites: readonly SiteRecord[];
  declare view: ViewState;
  declare creating: boolean;

  override render() {
    const { site } = this.view;
    return site === undefined ? this.#list() : html`<admin-site .api=${this.api} .session=${this.session} .site=${site}></admin-site>`;
  }

  #list() {
    const close = (): void => void (this.creating = false);
    return html`<header>
        <h1>Sites</h1>
        ${this.creating ? nothing : html`<button type="button" class="primary" @click=${() => (this.creating = true)}>New site</button>`}
      </header>
      ${this.creating ? html`<admin-new-site .api=${this.api} @created=${this.#created} @cancel=${close}></admin-new-site>` : nothing}
      <admin-site-list .sites=${this.sites}></admin-site-list>`;
  }

  #created(event: CustomEvent<SiteRecord>): void {
    this.creating = false;
    changeView(this, { site: event.detail.id });
    void this.session.refreshSites();
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
        font-size: 1.75rem;
        letter-spacing: -0.02em;
      }
    `,
  ];
}
