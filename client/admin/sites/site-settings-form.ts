import { css, html, LitElement, nothing } from 'lit';
import type { SiteRecord } from '../../../shared/site-settings.ts';
import { controlStyles } from '../styles/control-styles.ts';
import { panelStyles } from '../styles/panel-styles.ts';
import { changesOf, fieldsOf, type SiteFields, settingsOf } from './site-form.ts';

/** What is set of a site. Fires `save` with what was changed. */
export class SiteSettingsForm extends LitElement {
  static override readonly properties = {
    site: { attribute: false },
    busy: { type: Boolean },
    fields: { state: true },
    refusal: { state: true },
  };
  declare site: SiteRecord;
  declare busy: boolean;
  declare fields: SiteFields;
  declare refusal: string | undefined;

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has('site')) this.fields = fieldsOf(this.site);
  }

  override render() {
    const { fields } = this;
    return html`<form class="panel" novalidate @submit=${this.#submit} aria-labelledby="heading">
      <h2 id="heading">Settings</h2>
      <div>
        <label for="name">Name</label>
        <input id="name" maxlength="100" autocomplete="off" .value=${fields.name} @input=${this.#typed('name')} />
      </div>
      <div>
        <label for="origins">Allowed origins</label>
        <textarea
          id="origins"
          rows="4"
          spellcheck="false"
          aria-describedby="origins-hint"
          .value=${fields.origins}
          @input=${this.#typed('origins')}
        ></textarea>
        <p id="origins-hint" class="hint">One a line: https://shop.example, https://*.shop.example or http://localhost:*</p>
      </div>
      ${this.#list('models', 'allModels', 'models')} ${this.#list('loras', 'allLoras', 'LoRAs')}
      <div class="pair">${this.#quota('dailyGigabytes', 'Weights a day, GB')} ${this.#quota('dailyGenerations', 'Pictures a day')}</div>
      <p class="hint">Empty: no limit. A day is UTC’s.</p>
      <label class="check">
        <input type="checkbox" .checked=${fields.disabled} @change=${this.#checked('disabled')} /> Disabled: everything is refused to it
      </label>
      <div role="alert" class=${this.refusal ? 'error' : nothing}>${this.refusal}</div>
      <div><button class="primary" aria-disabled=${Boolean(this.busy)}>Save</button></div>
    </form>`;
  }

  #list(name: 'models' | 'loras', all: 'allModels' | 'allLoras', what: string) {
    const { fields } = this;
    return html`<div>
      <label class="check"
        ><input type="checkbox" .checked=${fields[all]} @change=${this.#checked(all)} /> All ${what}, also later ones</label
      >
      <textarea
        aria-label=${`Allowed ${what}, one id a line`}
        placeholder="One id a line"
        rows="3"
        spellcheck="false"
        ?hidden=${fields[all]}
        .value=${fields[name]}
        @input=${this.#typed(name)}
      ></textarea>
    </div>`;
  }

  #quota(name: 'dailyGigabytes' | 'dailyGenerations', label: string) {
    return html`<div>
      <label for=${name}>${label}</label>
      <input id=${name} inputmode="decimal" autocomplete="off" .value=${this.fields[name]} @input=${this.#typed(name)} />
    </div>`;
  }

  #typed(name: keyof SiteFields) {
    return (event: Event): void => void (this.fields = { ...this.fields, [name]: (event.target as HTMLInputElement).value });
  }

  #checked(name: keyof SiteFields) {
    return (event: Event): void => void (this.fields = { ...this.fields, [name]: (event.target as HTMLInputElement).checked });
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault();
    if (this.busy) return;
    const settings = settingsOf(this.fields);
    const changes = changesOf(this.site, settings);
    if (Number.isNaN(settings.dailyBytes) || Number.isNaN(settings.dailyGenerations))
      this.refusal = 'A daily limit must be a number, such as 50 or 0.5.';
    else if (Object.keys(changes).length === 0) this.refusal = 'Nothing is changed.';
    else {
      this.refusal = undefined;
      this.dispatchEvent(new CustomEvent('save', { detail: changes }));
    }
  }

  static override readonly styles = [
    controlStyles,
    panelStyles,
    css`
      form {
        gap: var(--space-4);
      }
      :is(input:not([type='checkbox']), textarea) {
        margin-top: 0.375rem;
      }
      .hint {
        margin-top: 0.375rem;
      }
      .pair + .hint {
        margin-top: calc(-1 * var(--space-3));
      }
      .pair {
        display: grid;
        grid-template-columns: repeat(2, minmax(0, 1fr));
        gap: var(--space-3);
      }
      .check {
        display: flex;
        align-items: center;
        gap: var(--space-2);
        min-height: 32px;
        font-size: 0.875rem;
        font-weight: 500;
      }
      [type='checkbox'] {
        flex: none;
        width: 1.125rem;
        height: 1.125rem;
        margin: 0;
        accent-color: var(--accent);
      }
    `,
  ];
}
