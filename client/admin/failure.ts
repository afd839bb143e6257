import { css, html, LitElement } from 'lit';
import { type DiptychError, ERRORS } from '../../shared/errors.ts';
import { controlStyles } from './styles/control-styles.ts';

/** An error in place of what was asked for. Fires `retry`. */
export class Failure extends LitElement {
  static override readonly properties = { error: { attribute: false } };
  declare error: DiptychError;

  override render() {
    return html`<div role="alert">
        <h2>${ERRORS[this.error.code].title}</h2>
        <p>${this.error.message}</p>
      </div>
      <button type="button" class="primary" @click=${() => this.dispatchEvent(new Event('retry', { bubbles: true, composed: true }))}>
        Try again
      </button>`;
  }

  static override readonly styles = [
    controlStyles,
    css`
      :host {
        display: grid;
        justify-items: start;
        gap: var(--space-4);
        padding: var(--space-5);
        border: 1px solid var(--line);
        border-radius: 14px;
        background: var(--surface);
        overflow-wrap: anywhere;
      }
      p {
        max-width: 44rem;
        margin: var(--space-2) 0 0;
      }
    `,
  ];
}
