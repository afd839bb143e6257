import { css, html, LitElement } from 'lit';
import type { SiteRecord } from '../../../shared/site-settings.ts';
import type { AdminApi } from '../admin-api.ts';
import type { Session } from '../session.ts';
import { controlStyles } from '../styles/control-styles.ts';
import type { ViewState } from '../view-state.ts';

/** Sites: the list, or one of them. */
export class SitesPage extends LitElement {
  static override readonly properties = {
    api: { attribute: false },
    session: { attribute: false },
    sites: { attribute: false },
    view: { attribute: false },
  };
  declare api: AdminApi;
  declare session: Session;
  declare sites: readonly SiteRecord[];
  declare view: ViewState;

  override render() {
    return html`<h1>Sites</h1>
      <ul>
        ${this.sites.map(({ name }) => html`<li>${name}</li>`)}
      </ul>`;
  }

  static override readonly styles = [controlStyles, css``];
}
