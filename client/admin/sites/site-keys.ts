import { css, html, LitElement, nothing } from 'lit';
import type { SiteRecord } from '../../../shared/site-settings.ts';
import { instantText } from '../number-text.ts';
import { controlStyles } from '../styles/control-styles.ts';
import { panelStyles } from '../styles/panel-styles.ts';

const DAY_SECONDS = 86_400;
const OVERLAPS = [
  { days: 0, label: 'End the others at once' },
  { days: 1, label: 'Accept the others for a day' },
  { days: 7, label: 'Accept the others for 7 days' },
  { days: 30, label: 'Accept the others for 30 days' },
];
const DEFAULT_OVERLAP_DAYS = 7;

/** A site's keys. Fires `rotate` with the overlap in seconds, and `revoke` with a key. */
export class SiteKeys extends LitElement {
  static override readonly properties = { site: { attribute: false }, busy: { type: Boolean }, revoking: { state: true } };
  declare site: SiteRecord;
  declare busy: boolean;
  /** The key that is about to be revoked: that is asked twice. */
  declare revoking: string | undefined;

  override render() {
    const { keys } = this.site;
    return html`<section class="panel" aria-labelledby="heading">
      <h2 id="heading">Keys</h2>
      <p class="hint">What the site’s pages name. They are public; a rotation changes no figure.</p>
      ${keys.length === 0 ? html`<p class="empty">This site has no key that is accepted now. Rotate to make one.</p>` : nothing}
      <ul>
        ${keys.map((key) => this.#key(key))}
      </ul>
      <form @submit=${this.#rotate} novalidate aria-label="New key">
        <label for="overlap">New key</label>
        <div class="row">
          <select id="overlap">
            ${OVERLAPS.map(({ days, label }) => html`<option value=${days} ?selected=${days === DEFAULT_OVERLAP_DAYS}>${label}</option>`)}
          </select>
          <button aria-disabled=${Boolean(this.busy)}>Rotate</button>
        </div>
      </form>
    </section>`;
  }

  #key({ key, created, expires }: SiteRecord['keys'][number]) {
    const asked = this.revoking === key;
    return html`<li>
      <div>
        <code>${key}</code>
        <p class="hint">${expires ? `Expires ${instantText(expires)} UTC` : `Since ${instantText(created)} UTC`}</p>
      </div>
      ${
        asked
          ? html`<span class="row">
              <button type="button" class="danger" @click=${() => this.#revoke(key)}>Revoke now</button>
              <button type="button" class="quiet" @click=${() => (this.revoking = undefined)}>Keep</button>
            </span>`
          : html`<button type="button" class="quiet" @click=${() => (this.revoking = key)}>
              Revoke<span class="visually-hidden"> ${key}</span>
            </button>`
      }
    </li>`;
  }

  #revoke(key: string): void {
    this.revoking = undefined;
    if (!this.busy) this.dispatchEvent(new CustomEvent('revoke', { detail: key }));
  }

  #rotate(event: SubmitEvent): void {
    event.preventDefault();
    const days = Number(this.renderRoot.querySelector('select')!.value);
    if (!this.busy) this.dispatchEvent(new CustomEvent('rotate', { detail: days * DAY_SECONDS }));
  }

  static override readonly styles = [
    controlStyles,
    panelStyles,
    css`
      .panel {
        gap: var(--space-3);
        height: auto;
      }
      ul {
        margin: 0;
        padding: 0;
        list-style: none;
      }
      li {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: space-between;
        gap: var(--space-2);
        padding: var(--space-2) 0;
        border-bottom: 1px solid var(--line);
      }
      li > div {
        min-width: 0;
      }
      code {
        font:
          0.875rem ui-monospace,
          monospace;
        overflow-wrap: anywhere;
      }
      .row {
        display: flex;
        flex-wrap: wrap;
        gap: var(--space-2);
      }
      form .row {
        margin-top: 0.375rem;
      }
      select {
        flex: 1 1 12rem;
        width: auto;
      }
      .danger {
        border-color: var(--danger);
        color: var(--danger);
      }
    `,
  ];
}
