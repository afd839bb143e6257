import { css, html, LitElement, nothing } from 'lit';
import type { AdminApi } from './admin-api.ts';
import { ChartView } from './charts/chart-view.ts';
import { Failure } from './failure.ts';
import type { Session } from './session.ts';
import { SignIn } from './sign-in.ts';
import { AuditTrail } from './sites/audit-trail.ts';
import { NewSiteForm } from './sites/new-site.ts';
import { SiteKeys } from './sites/site-keys.ts';
import { SiteList } from './sites/site-list.ts';
import { SiteSettingsForm } from './sites/site-settings-form.ts';
import { SiteView } from './sites/site-view.ts';
import { SitesPage } from './sites/sites-page.ts';
import { controlStyles } from './styles/control-styles.ts';
import { BreakdownPanel } from './usage/breakdown-panel.ts';
import { ErrorsPanel } from './usage/errors-panel.ts';
import { ExportMenu } from './usage/export-menu.ts';
import { FilterChips } from './usage/filter-chips.ts';
import { FunnelPanel } from './usage/funnel-panel.ts';
import { MostUsedPanel } from './usage/most-used-panel.ts';
import { RulesPanel } from './usage/rules-panel.ts';
import { SeriesPanel } from './usage/series-panel.ts';
import { SpeedPanel } from './usage/speed-panel.ts';
import { Toolbar } from './usage/toolbar.ts';
import { TotalsView } from './usage/totals-view.ts';
import type { UsageModel } from './usage/usage-model.ts';
import { UsagePage } from './usage/usage-page.ts';
import { WeightsPanel } from './usage/weights-panel.ts';
import type { ViewAddress } from './view-address.ts';
import { changeView, onView } from './view-event.ts';
import { type ViewState, writeViewState } from './view-state.ts';

/** How often what is live is counted again, while somebody looks. */
const LIVE_EVERY_MS = 15_000;

/** The whole page: who one is, where one is, and that page. */
export class AdminApp extends LitElement {
  declare api: AdminApi;
  declare session: Session;
  declare usage: UsageModel;
  declare address: ViewAddress;
  #listening: AbortController | undefined;
  #liveTimer: ReturnType<typeof setInterval> | undefined;
  #byKeyboard = false;

  constructor() {
    super();
    onView(this, (change) => this.address.go(change));
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    this.session.addEventListener('change', this.#sessionChanged, { signal });
    this.usage.addEventListener('change', this.#usageChanged, { signal });
    this.address.addEventListener('change', this.#viewChanged, { signal });
    window.addEventListener('keydown', () => (this.#byKeyboard = true), { signal });
    window.addEventListener('pointerdown', () => (this.#byKeyboard = false), { signal });
    this.#liveTimer = setInterval(() => document.visibilityState === 'visible' && void this.usage.refreshLive(), LIVE_EVERY_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#listening?.abort();
    clearInterval(this.#liveTimer);
  }

  readonly #sessionChanged = (): void => {
    this.requestUpdate();
    if (this.session.state.phase !== 'signed-in') this.usage.clear();
    else this.#load();
  };

  readonly #usageChanged = (): void => {
    const { error } = this.usage.state;
    if (!error || !this.session.endedBy(error)) this.requestUpdate();
  };

  readonly #viewChanged = (): void => {
    this.requestUpdate();
    if (this.session.state.phase === 'signed-in') this.#load();
  };

  #load(): void {
    if (this.address.view.page === 'usage') void this.usage.ask(this.address.view);
  }

  protected override updated(): void {
    const signedIn = this.session.state.phase === 'signed-in';
    document.title = `${!signedIn ? 'Sign in' : this.address.view.page === 'sites' ? 'Sites' : 'Usage'} · Diptych admin`;
    requestAnimationFrame(() => this.#keepFocus());
  }

  /** Who chose with the keyboard what is gone now, such as a row that is filtered away, goes on at the content, not at the page's beginning. */
  #keepFocus(): void {
    if (this.#byKeyboard && document.activeElement === document.body) this.renderRoot.querySelector('main')?.focus({ preventScroll: true });
  }

  override render() {
    const { session } = this;
    const signedIn = session.state.phase === 'signed-in';
    return html`<a class="skip" href="#main" @click=${this.#skip}>Skip to the content</a>
      <header class="top">
        <p class="brand">
          <svg width="26" height="20" viewBox="0 0 26 20" aria-hidden="true">
            <rect class="subject" width="12" height="20" rx="2.5" />
            <rect class="style" x="14" width="12" height="20" rx="2.5" />
          </svg>
          <span>Diptych</span>
        </p>
        ${signedIn ? this.#navigation() : nothing}
      </header>
      <main id="main" tabindex="-1">${this.#page()}</main>`;
  }

  #navigation() {
    const { view } = this.address;
    const link = (page: ViewState['page'], text: string) => {
      const site = page === 'usage' ? 'all' : undefined;
      const change = { page, site: view.page === page ? view.site : site };
      const go = (event: MouseEvent): void => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        changeView(this, change);
      };
      const href = `/admin${writeViewState({ ...view, ...change })}`;
      return html`<a href=${href} aria-current=${view.page === page ? 'page' : nothing} @click=${go}>${text}</a>`;
    };
    const { state } = this.session;
    return html`<nav aria-label="Pages">${link('usage', 'Usage')} ${link('sites', 'Sites')}</nav>
      ${
        state.phase === 'signed-in' && state.byToken
          ? html`<button type="button" class="quiet" @click=${() => this.session.signOut()}>Sign out</button>`
          : html`<a class="button quiet" href="/cdn-cgi/access/logout">Sign out</a>`
      }`;
  }

  #page() {
    const { state } = this.session;
    if (state.phase === 'opening') return html`<p class="hint" role="status">Opening …</p>`;
    if (state.phase === 'failed')
      return html`<admin-failure .error=${state.error} @retry=${() => void this.session.open()}></admin-failure>`;
    if (state.phase === 'signed-out')
      return html`<admin-sign-in
        .error=${state.error}
        .busy=${state.busy}
        @sign-in=${(event: CustomEvent<string>) => void this.session.signIn(event.detail)}
      ></admin-sign-in>`;
    const { view } = this.address;
    if (view.page === 'sites')
      return html`<admin-sites .api=${this.api} .session=${this.session} .sites=${state.sites} .view=${view}></admin-sites>`;
    return html`<admin-usage
      .api=${this.api}
      .view=${view}
      .sites=${state.sites}
      .state=${this.usage.state}
      @retry=${() => void this.usage.load(view)}
    ></admin-usage>`;
  }

  #skip(event: Event): void {
    event.preventDefault();
    this.renderRoot.querySelector('main')!.focus();
  }

  static override readonly styles = [
    controlStyles,
    css`
      .skip {
        position: absolute;
        z-index: 3;
        left: var(--space-4);
        padding: var(--space-2) var(--space-4);
        border-radius: var(--radius);
        background: var(--surface);
        translate: 0 -200%;
      }
      .skip:focus {
        translate: 0 var(--space-2);
      }
      .top {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0 var(--space-5);
        max-width: 76rem;
        margin: 0 auto;
        padding: var(--space-3) clamp(0.75rem, 4vw, 2rem);
      }
      .brand {
        display: flex;
        align-items: center;
        gap: 0.625rem;
        margin: 0;
        font-weight: 650;
      }
      .subject {
        fill: var(--accent);
      }
      .style {
        fill: var(--second);
      }
      nav {
        display: flex;
        flex: 1;
        gap: var(--space-1);
      }
      nav a {
        padding: 0.625rem 0.75rem;
        border-radius: 8px;
        color: var(--muted);
        font-weight: 600;
        text-decoration: none;
      }
      nav a:hover {
        color: var(--ink);
      }
      nav a[aria-current] {
        color: var(--ink);
        box-shadow: inset 0 -2px var(--accent);
        border-radius: 0;
      }
      .button.quiet {
        padding: 0 0.75rem;
        border-color: transparent;
        background: none;
      }
      main {
        max-width: 76rem;
        margin: 0 auto;
        padding: var(--space-4) clamp(0.75rem, 4vw, 2rem) var(--space-6);
      }
      main:focus-visible {
        outline-offset: -3px;
      }
      @media (max-width: 30rem) {
        .top {
          gap: 0 var(--space-1);
        }
        .brand span {
          display: none;
        }
      }
    `,
  ];
}

/** Defines every element of the page. */
export function defineAdmin(): void {
  customElements.define('admin-chart', ChartView);
  customElements.define('admin-toolbar', Toolbar);
  customElements.define('admin-export', ExportMenu);
  customElements.define('admin-filter-chips', FilterChips);
  customElements.define('admin-totals', TotalsView);
  customElements.define('admin-series', SeriesPanel);
  customElements.define('admin-funnel', FunnelPanel);
  customElements.define('admin-speed', SpeedPanel);
  customElements.define('admin-weights', WeightsPanel);
  customElements.define('admin-errors', ErrorsPanel);
  customElements.define('admin-most-used', MostUsedPanel);
  customElements.define('admin-rules', RulesPanel);
  customElements.define('admin-breakdown', BreakdownPanel);
  customElements.define('admin-usage', UsagePage);
  customElements.define('admin-site-list', SiteList);
  customElements.define('admin-new-site', NewSiteForm);
  customElements.define('admin-site-settings', SiteSettingsForm);
  customElements.define('admin-site-keys', SiteKeys);
  customElements.define('admin-audit', AuditTrail);
  customElements.define('admin-site', SiteView);
  customElements.define('admin-sites', SitesPage);
  customElements.define('admin-failure', Failure);
  customElements.define('admin-sign-in', SignIn);
  customElements.define('admin-app', AdminApp);
}
