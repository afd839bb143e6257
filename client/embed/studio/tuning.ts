import { css, html, LitElement, nothing } from 'lit';
import { isMeasured, RULES, type RuleName } from '../../../shared/rules.ts';
import { STRENGTH_MAX } from '../messages.ts';
import { controlStyles } from './control-styles.ts';
import { type MeasureName, MEASURES, type Settings } from './settings.ts';
import { changeSettings } from './settings-event.ts';

const RULE_LABELS: Readonly<Record<RuleName, string>> = {
  kl: 'Fused: each layer takes the one that changes it more',
  'kl-soft': 'Fused at every position, the other one beside it',
  l2: 'Fused by the length of the change',
  cosine: 'Fused by the turn of the feature',
  direct: 'Both added in every layer',
  contrast: 'Both added, and guidance pulls at the subject alone',
  'k-lora': 'K-LoRA: the larger weights win, layer by layer',
  'np-lora': 'NP-LoRA: the style keeps its directions to itself',
  switch: 'LoRA Switch: by turns, five steps each',
  composite: 'LoRA Composite: the mean of two predictions',
  block: 'B-LoRA: one block for each',
  'subject-only': 'Subject only',
  'style-only': 'Style only',
};

const MEASURE_LABELS: Readonly<Record<MeasureName, string>> = {
  every: 'In every step',
  fifth: 'In every 5th step',
  tenth: 'In every 10th step, at every 4th position',
};

const STEPS_MAX = 100;

const MEASURE_NAMES = Object.keys(MEASURES) as MeasureName[];

/** Strengths, steps and rule, folded away until wanted. */
export class Tuning extends LitElement {
  static override readonly properties = { settings: { attribute: false }, disabled: { type: Boolean } };
  declare settings: Settings;
  declare disabled: boolean;

  override render() {
    const { rule } = this.settings;
    return html`<details>
      <summary>Fine tuning</summary>
      <div class="fields">
        ${this.#strength(0, 'Subject strength')} ${this.#strength(1, 'Style strength')}
        <div>
          <label for="steps">Steps</label>
          <input
            id="steps"
            type="number"
            min="1"
            max=${STEPS_MAX}
            step="1"
            .value=${String(this.settings.steps)}
            ?disabled=${this.disabled}
            @change=${this.#steps}
          />
        </div>
        <div>
          <label for="rule">Fusion rule</label>
          <select id="rule" ?disabled=${this.disabled} @change=${this.#rule}>
            ${RULES.map((name) => html`<option value=${name} ?selected=${name === rule}>${RULE_LABELS[name]}</option>`)}
          </select>
        </div>
        ${isMeasured(rule) ? this.#measures() : nothing}
      </div>
    </details>`;
  }

  #measures() {
    return html`<div>
      <label for="measure">Layers are measured</label>
      <select id="measure" aria-describedby="measure-cost" ?disabled=${this.disabled} @change=${this.#measure}>
        ${MEASURE_NAMES.map((name) => html`<option value=${name} ?selected=${name === this.settings.measure}>${MEASURE_LABELS[name]}</option>`)}
      </select>
      <p class="hint" id="measure-cost">Less often is faster; nearly every choice stays the same.</p>
    </div>`;
  }

  #strength(which: 0 | 1, label: string) {
    const value = this.settings.strengths[which];
    const change = (event: Event) => {
      const strengths: [number, number] = [...this.settings.strengths];
      strengths[which] = (event.target as HTMLInputElement).valueAsNumber;
      changeSettings(this, { ...this.settings, strengths });
    };
    const id = `strength-${which}`;
    return html`<div class=${which === 0 ? 'subject' : 'style'}>
      <div class="row"><label for=${id}>${label}</label><output for=${id}>${value.toFixed(2)}</output></div>
      <input
        id=${id}
        type="range"
        min="0"
        max=${STRENGTH_MAX}
        step="0.05"
        .value=${String(value)}
        ?disabled=${this.disabled}
        @input=${change}
      />
    </div>`;
  }

  #steps(event: Event): void {
    const input = event.target as HTMLInputElement;
    if (input.value !== '' && input.validity.valid) changeSettings(this, { ...this.settings, steps: input.valueAsNumber });
    else input.value = String(this.settings.steps);
  }

  #rule(event: Event): void {
    changeSettings(this, { ...this.settings, rule: (event.target as HTMLSelectElement).value as RuleName });
  }

  #measure(event: Event): void {
    changeSettings(this, { ...this.settings, measure: (event.target as HTMLSelectElement).value as MeasureName });
  }

  static override readonly styles = [
    controlStyles,
    css`
      details {
        border-block: 1px solid var(--line);
      }
      summary {
        min-height: 44px;
        padding: 0.625rem 0;
        font-size: 0.875rem;
        font-weight: 600;
        cursor: pointer;
      }
      .fields {
        display: grid;
        gap: 1rem;
        padding: 0.25rem 0 1.25rem;
      }
      .row {
        display: flex;
        justify-content: space-between;
        font-size: 0.875rem;
      }
      output {
        color: var(--muted);
        font-variant-numeric: tabular-nums;
      }
      .subject {
        --range-colour: var(--subject);
      }
      .style {
        --range-colour: var(--style);
      }
    `,
  ];
}
