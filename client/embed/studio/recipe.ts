import { css, html, LitElement } from 'lit';
import { controlStyles } from './control-styles.ts';
import { type Settings, writePrompt } from './settings.ts';
import { changeSettings } from './settings-event.ts';

const SEED_MAX = 2 ** 32 - 1;

/** Prompt and seed. */
export class Recipe extends LitElement {
  static override readonly properties = { settings: { attribute: false }, disabled: { type: Boolean } };
  declare settings: Settings;
  declare disabled: boolean;

  override render() {
    const { prompt, seed } = this.settings;
    return html`<div class="prompt">
        <label for="prompt">Prompt</label>
        <textarea id="prompt" rows="2" maxlength="300" .value=${prompt} ?disabled=${this.disabled} @input=${this.#write}></textarea>
      </div>
      <div>
        <label for="seed">Seed</label>
        <div class="seed">
          <input
            id="seed"
            type="number"
            inputmode="numeric"
            min="0"
            max=${SEED_MAX}
            step="1"
            .value=${String(seed)}
            ?disabled=${this.disabled}
            @change=${this.#seed}
          />
          <button
            type="button"
            class="dice"
            aria-label="New random seed"
            title="New random seed"
            ?disabled=${this.disabled}
            @click=${this.#roll}
          >
            ${DICE}
          </button>
        </div>
      </div>`;
  }

  #write(event: Event): void {
    changeSettings(this, writePrompt(this.settings, (event.target as HTMLTextAreaElement).value));
  }

  #seed(event: Event): void {
    const input = event.target as HTMLInputElement;
    if (input.value !== '' && input.validity.valid) changeSettings(this, { ...this.settings, seed: input.valueAsNumber });
    else input.value = String(this.settings.seed);
  }

  #roll(): void {
    changeSettings(this, { ...this.settings, seed: randomSeed() });
  }

  static override readonly styles = [
    controlStyles,
    css`
      :host {
        display: grid;
        gap: 1rem;
      }
      .seed {
        display: flex;
        gap: 0.5rem;
        align-items: end;
      }
      .dice {
        flex: none;
        width: 44px;
        padding: 0;
        border-radius: var(--radius);
      }
    `,
  ];
}

export function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}

const DICE = html`<svg width="22" height="22" viewBox="0 0 22 22" aria-hidden="true" fill="currentColor">
  <rect x="2" y="2" width="18" height="18" rx="4.5" fill="none" stroke="currentColor" stroke-width="1.75" />
  <circle cx="7" cy="7" r="1.6" />
  <circle cx="15" cy="7" r="1.6" />
  <circle cx="11" cy="11" r="1.6" />
  <circle cx="7" cy="15" r="1.6" />
  <circle cx="15" cy="15" r="1.6" />
</svg>`;
