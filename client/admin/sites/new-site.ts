import { css, html, LitElement, nothing } from 'lit';
import { asDiptychError } from '../../../shared/errors.ts';
import type { NewSite, SiteRecord } from '../../../shared/site-settings.ts';
import type { AdminApi } from '../admin-api.ts';
import { controlStyles } from '../styles/control-styles.ts';
import { panelStyles } from '../styles/panel-styles.ts';

/** Makes a site. Fires `created` with it, `cancel` when nobody wants one. */
export class NewSiteForm extends LitElement {
  static override readonly properties = { api: { attribute: false }, busy: { state: true }, failure: { state: true } };
  declare api: AdminApi;
  declare busy: boolean;
  declare failure: string | undefined;

  override render() {
    return html`<form class="panel" novalidate @submit=${(event: SubmitEvent) => void this.#submit(event)} aria-labelledby="heading">
      <h2 id="heading">New site</h2>
      <div class="fields">
        <div>
          <label for="name">Name</label>
          <input id="name" name="name" maxlength="100" autocomplete="off" required />
        </div>
        <div>
          <label for="id">Id</label>
          <input id="id" name="id" maxlength="64" autocomplete="off" spellcheck="false" aria-describedby="id-hint" />
          <p id="id-hint" class="hint">For good. Letters, digits, - and _; left empty, one is made.</p>
        </div>
        <div class="wide">
          <label for="origins">Allowed origins</label>
          <textarea id="origins" name="origins" rows="3" spellcheck="false" aria-describedby="origins-hint"></textarea>
          <p id="origins-hint" class="hint">
            One a line: https://shop.example, https://*.shop.example or http://localhost:*. Without any, no page may embed the studio.
          </p>
        </div>
      </div>
      <div role="alert" class=${this.failure ? 'error' : nothing}>${this.failure}</div>
      <div class="actions">
        <button class="primary" aria-disabled=${Boolean(this.busy)}>Create the site</button>
        <button type="button" class="quiet" @click=${() => this.dispatchEvent(new CustomEvent('cancel'))}>Cancel</button>
      </div>
    </form>`;
  }

  protected override firstUpdated(): void {
    this.renderRoot.querySelector('input')!.focus();
  }

  async #submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (this.busy) return;
    const form = new FormData(event.target as HTMLFormElement);
    const text = (name: string): string => String(form.get(name)).trim();
    const body: NewSite = {
      name: text('name'),
      origins: text('origins').split(/\s+/).filter(Boolean),
      ...(text('id') !== '' && { id: text('id') }),
    };
    this.busy = true;
    this.failure = undefined;
    try {
      const site = await this.api.json<SiteRecord>('/v1/sites', { method: 'POST', body });
      this.dispatchEvent(new CustomEvent('created', { detail: site }));
    } catch (thrown) {
      this.failure = asDiptychError(thrown).message;
    } finally {
      this.busy = false;
    }
  }

  static override readonly styles = [
    controlStyles,
    panelStyles,
    css`
      form {
        gap: var(--space-4);
      }
      .fields {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(min(100%, 16rem), 1fr));
        gap: var(--space-4);
      }
      .wide {
        grid-column: 1 / -1;
      }
      :is(input, textarea) {
        margin-top: 0.375rem;
      }
      .hint {
        margin-top: 0.375rem;
      }
      .actions {
        display: flex;
        flex-wrap: wrap;
        gap: var(--space-2);
      }
    `,
  ];
}
