import { css, html, LitElement, nothing } from 'lit';
import type { AuditAction, AuditEntry } from '../../../shared/site-settings.ts';
import { instantText } from '../number-text.ts';
import { controlStyles } from '../styles/control-styles.ts';
import { panelStyles } from '../styles/panel-styles.ts';
import { tableStyles } from '../styles/table-styles.ts';

const ACTION_LABELS: Readonly<Record<AuditAction, string>> = {
  'site.create': 'Created',
  'site.change': 'Changed',
  'key.rotate': 'Key rotated',
  'key.revoke': 'Key revoked',
};

/** What was done to a site, the newest first. Fires `older` for more. */
export class AuditTrail extends LitElement {
  static override readonly properties = { entries: { attribute: false }, hasOlder: { type: Boolean } };
  declare entries: readonly AuditEntry[];
  declare hasOlder: boolean;

  override render() {
    return html`<section class="panel" aria-labelledby="heading">
      <h2 id="heading">Audit</h2>
      ${
        this.entries.length === 0
          ? html`<p class="empty">Nothing was done to this site through the admin API.</p>`
          : html`<div class="scroll" tabindex="0" role="region" aria-labelledby="heading">${this.#table()}</div>`
      }
      ${this.hasOlder ? html`<button type="button" @click=${() => this.dispatchEvent(new CustomEvent('older'))}>Older ones</button>` : nothing}
    </section>`;
  }

  #table() {
    return html`<table>
      <thead>
        <tr>
          <th scope="col">When (UTC)</th>
          <th scope="col">What</th>
          <th scope="col">Who</th>
          <th scope="col">Details</th>
        </tr>
      </thead>
      <tbody>
        ${this.entries.map(
          ({ at, action, actor, details }) =>
            html`<tr>
              <th scope="row">${instantText(at)}</th>
              <td>${ACTION_LABELS[action] ?? action}</td>
              <td>${actor}</td>
              <td class="details">${detailsText(details)}</td>
            </tr>`,
        )}
      </tbody>
    </table>`;
  }

  static override readonly styles = [
    controlStyles,
    panelStyles,
    tableStyles,
    css`
      .panel {
        align-items: flex-start;
        gap: var(--space-3);
      }
      .empty {
        width: 100%;
      }
      .scroll {
        width: 100%;
        overflow-x: auto;
      }
      @media (min-width: 40rem) {
        tbody th {
          white-space: nowrap;
        }
      }
      th,
      td,
      thead th:not(:first-child) {
        text-align: left;
        vertical-align: top;
      }
      .details {
        min-width: 16rem;
        white-space: normal;
        overflow-wrap: anywhere;
      }
    `,
  ];
}

const valueText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** `name: Old → New` for what was changed, `key: pk_...` for anything else. */
function detailsText(details: Record<string, unknown>): string {
  const parts = Object.entries(details).map(([name, value]) => {
    const change = typeof value === 'object' && value !== null && 'from' in value && 'to' in value ? value : undefined;
    return `${name}: ${change ? `${valueText(change.from)} → ${valueText(change.to)}` : valueText(value)}`;
  });
  return parts.join('; ');
}
