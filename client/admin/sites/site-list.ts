import { css, html, LitElement, nothing } from 'lit';
import type { SiteRecord } from '../../../shared/site-settings.ts';
import { bytesText, countText } from '../number-text.ts';
import { controlStyles } from '../styles/control-styles.ts';
import { panelStyles } from '../styles/panel-styles.ts';
import { changeView } from '../view-event.ts';

/** Every site, each a link to its own page. */
export class SiteList extends LitElement {
  static override readonly properties = { sites: { attribute: false } };
  declare sites: readonly SiteRecord[];

  override render() {
    if (this.sites.length === 0)
      return html`<p class="empty">There is no site yet. The first one gets a key, by which its pages embed the studio.</p>`;
    return html`<ul>
      ${this.sites.map((site) => this.#site(site))}
    </ul>`;
  }

  #site(site: SiteRecord) {
    const go = (event: MouseEvent): void => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      changeView(this, { site: site.id });
    };
    return html`<li>
      <div>
        <a href=${`/admin?page=sites&site=${site.id}`} @click=${go}>${site.name}</a>
        ${site.disabled ? html`<span class="badge">Disabled</span>` : nothing}
        <p class="hint">${site.id}</p>
      </div>
      <p class="hint facts">${factsOf(site).join(' · ')}</p>
    </li>`;
  }

  static override readonly styles = [
    controlStyles,
    panelStyles,
    css`
      ul {
        display: grid;
        gap: var(--space-2);
        margin: 0;
        padding: 0;
        list-style: none;
      }
      li {
        position: relative;
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: space-between;
        gap: var(--space-1) var(--space-5);
        padding: var(--space-3) var(--space-4);
        border: 1px solid var(--line);
        border-radius: 14px;
        background: var(--surface);
        overflow-wrap: anywhere;
      }
      li:hover {
        border-color: var(--control-line);
      }
      div {
        min-width: 0;
      }
      a {
        color: var(--ink);
        font-weight: 600;
        text-decoration: none;
      }
      /* The whole card is the link. */
      a::after {
        position: absolute;
        inset: 0;
        content: '';
      }
      .badge {
        margin-left: var(--space-2);
        padding: 0.125rem 0.5rem;
        border-radius: 999px;
        background: var(--danger-wash);
        color: var(--danger);
        font-size: 0.75rem;
        font-weight: 600;
      }
      .facts {
        font-variant-numeric: tabular-nums;
      }
    `,
  ];
}

function factsOf({ origins, keys, dailyBytes, dailyGenerations }: SiteRecord): string[] {
  const plural = (count: number, one: string): string => `${countText(count)} ${one}${count === 1 ? '' : 's'}`;
  const limits = [
    ...(dailyBytes === null ? [] : [`${bytesText(dailyBytes)} a day`]),
    ...(dailyGenerations === null ? [] : [`${plural(dailyGenerations, 'picture')} a day`]),
  ];
  return [plural(origins.length, 'origin'), plural(keys.length, 'key'), ...(limits.length > 0 ? limits : ['no daily limit'])];
}
