import { css, html, LitElement, nothing } from 'lit';
import { type DiptychError, ERRORS } from '../../shared/errors.ts';
import { controlStyles } from './styles/control-styles.ts';

/** Asks for the admin token. Fires `sign-in` with it. */
export class SignIn extends LitElement {
  static override readonly properties = { error: { attribute: false }, busy: { type: Boolean }, missing: { state: true } };
  declare error: DiptychError | undefined;
  declare busy: boolean;
  declare missing: boolean;

  override render() {
    const message = this.missing ? { title: 'Enter a token first', detail: '' } : this.error && errorText(this.error);
    return html`<form @submit=${this.#submit} novalidate aria-labelledby="heading">
      <h1 id="heading">Sign in</h1>
      <p class="hint">
        With a token of this edge’s secret <code>ADMIN_TOKEN</code>. It stays in this tab, and is gone when the tab is closed.
      </p>
      <div>
        <label for="token">Admin token</label>
        <input
          id="token"
          type="password"
          autocomplete="current-password"
          spellcheck="false"
          autocapitalize="none"
          aria-invalid=${message !== undefined}
          aria-describedby="message"
        />
      </div>
      <div id="message" role="alert" class=${message ? 'error' : nothing}>
        ${message ? html`<strong>${message.title}</strong>${message.detail ? html`<p>${message.detail}</p>` : nothing}` : nothing}
      </div>
      <button class="primary" aria-disabled=${Boolean(this.busy)}>${this.busy ? 'Signing in …' : 'Sign in'}</button>
    </form>`;
  }

  protected override firstUpdated(): void {
    this.renderRoot.querySelector('input')!.focus();
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault();
    if (this.busy) return;
    const input = this.renderRoot.querySelector('input')!;
    const token = input.value.trim();
    this.missing = token === '';
    if (this.missing) return input.focus();
    input.value = '';
    this.dispatchEvent(new CustomEvent('sign-in', { detail: token }));
  }

  static override readonly styles = [
    controlStyles,
    css`
      form {
        display: grid;
        gap: var(--space-4);
        max-width: 26rem;
        margin: clamp(1rem, 10vh, 6rem) auto;
        padding: var(--space-5);
        border: 1px solid var(--line);
        border-radius: 14px;
        background: var(--surface);
      }
      h1 {
        font-size: 1.375rem;
      }
      input {
        margin-top: 0.375rem;
      }
      #message p {
        margin: var(--space-1) 0 0;
        font-size: 0.875rem;
      }
    `,
  ];
}

function errorText(error: DiptychError): { title: string; detail: string } {
  if (error.code === 'admin_credentials_invalid')
    return {
      title: 'This token is not accepted',
      detail: 'Take the part after the colon of a name:token entry in the secret ADMIN_TOKEN.',
    };
  return { title: ERRORS[error.code].title, detail: error.message };
}
