import { css, html, LitElement, nothing } from 'lit';
import type { LoraEntry, LoraKind } from '../../../shared/manifest.ts';
import { controlStyles } from './control-styles.ts';
import { pick, type Settings } from './settings.ts';
import { changeSettings } from './settings-event.ts';

/** One radio group of pictures: the subjects, or the styles. */
export class Picker extends LitElement {
  static override readonly properties = {
    kind: {},
    loras: { attribute: false },
    settings: { attribute: false },
    disabled: { type: Boolean },
  };
  declare kind: LoraKind;
  declare loras: readonly LoraEntry[];
  declare settings: Settings;
  declare disabled: boolean;

  override render() {
    return html`<fieldset class=${this.kind} ?disabled=${this.disabled}>
      <legend>${this.kind === 'subject' ? 'Subject' : 'Style'}</legend>
      <div class="cards">${this.loras.map((lora) => this.#card(lora))} ${this.#none()}</div>
    </fieldset>`;
  }

  #card(lora: LoraEntry) {
    const choose = () => changeSettings(this, pick(this.settings, this.kind, lora));
    const chosen = this.settings[this.kind]?.id === lora.id;
    return html`<label title=${`${lora.name}, by ${lora.author}, ${lora.license}`}>
      <input type="radio" name="lora" value=${lora.id} .checked=${chosen} @change=${choose} />
      ${lora.thumbnail ? html`<img src=${lora.thumbnail} alt=${lora.trigger} width="64" height="64" />` : html`<span class="letter" aria-hidden="true">${lora.name[0]}</span>`}
      <span class="name">${lora.name}${lora.thumbnail ? nothing : html`<span class="visually-hidden">, ${lora.trigger}</span>`}</span>
    </label>`;
  }

  /** The model's own idea of it. */
  #none() {
    const choose = () => changeSettings(this, pick(this.settings, this.kind, undefined));
    return html`<label title=${`No ${this.kind} LoRA`}>
      <input type="radio" name="lora" value="" .checked=${!this.settings[this.kind]} @change=${choose} />
      <span class="letter none" aria-hidden="true">–</span>
      <span class="name">None</span>
    </label>`;
  }

  static override readonly styles = [
    controlStyles,
    css`
      fieldset {
        --kind: var(--subject);
        --wash: var(--subject-wash);
        min-width: 0;
        margin: 0;
        padding: 0;
        border: 0;
      }
      fieldset.style {
        --kind: var(--style);
        --wash: var(--style-wash);
      }
      .cards {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(5rem, 1fr));
        gap: 0.5rem;
        margin-top: 0.5rem;
      }
      label {
        position: relative;
        display: grid;
        justify-items: center;
        gap: 0.375rem;
        padding: 0.5rem 0.375rem;
        border: 1px solid var(--line);
        border-radius: var(--radius);
        background: var(--surface);
        font-weight: 500;
        text-align: center;
        cursor: pointer;
      }
      label:hover {
        border-color: var(--control-line);
      }
      label:has(:checked) {
        border-color: var(--kind);
        background: var(--wash);
        box-shadow: inset 0 0 0 1px var(--kind);
      }
      label:has(:focus-visible) {
        outline: 3px solid var(--focus);
        outline-offset: 2px;
      }
      fieldset:disabled label {
        cursor: default;
      }
      fieldset:disabled label:not(:has(:checked)) {
        opacity: 0.6;
      }
      input {
        position: absolute;
        inset: 0;
        opacity: 0;
        margin: 0;
        cursor: inherit;
      }
      img,
      .letter {
        width: 100%;
        max-width: 64px;
        height: auto;
        aspect-ratio: 1;
        border-radius: 6px;
        object-fit: cover;
        image-rendering: pixelated;
      }
      .letter {
        display: grid;
        place-items: center;
        background: var(--sunken);
        color: var(--muted);
        font-size: 1.5rem;
      }
      .letter.none {
        border: 1px dashed var(--control-line);
        background: none;
      }
      .name {
        max-width: 100%;
        overflow-wrap: anywhere;
        line-height: 1.25;
      }
    `,
  ];
}
