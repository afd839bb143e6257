import { css, html, LitElement, nothing } from 'lit';
import { LORA_KINDS } from '../../../shared/manifest.ts';
import { DEFAULT_RULE, isMeasured } from '../../../shared/rules.ts';
import { Action } from './action.ts';
import { controlStyles } from './control-styles.ts';
import { FusionView } from './fusion-view.ts';
import { GuidancePanel } from './guidance-panel.ts';
import { Picker } from './picker.ts';
import { PictureView } from './picture.ts';
import { Recipe } from './recipe.ts';
import { ReferenceField } from './reference-field.ts';
import { guidableKinds } from './run-request.ts';
import { ScoresView } from './scores-view.ts';
import { lorasOf } from './settings.ts';
import { onSettings } from './settings-event.ts';
import type { StudioModel } from './studio-model.ts';
import { Tuning } from './tuning.ts';

/** The whole studio: choices on the left, what comes of them on the right; one column where it is narrow. */
export class App extends LitElement {
  static override readonly properties = { model: { attribute: false } };
  declare model: StudioModel;
  #listening: AbortController | undefined;

  constructor() {
    super();
    onSettings(this, (settings) => this.model.setSettings(settings));
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#listening = new AbortController();
    this.model.addEventListener('change', () => this.requestUpdate(), { signal: this.#listening.signal });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#listening?.abort();
  }

  override render() {
    const { settings, progress, preview, result, map, mapSteps, scores, engine } = this.model.state;
    const running = progress !== undefined && progress.phase !== 'consent';
    return html`<main aria-busy=${running}>
      <h1 class="visually-hidden">Diptych studio</h1>
      <section class="choices" aria-label="Choices">${this.#choices(running)}</section>
      <section class="outcome" aria-label="Picture">
        <diptych-picture .result=${result} .preview=${preview} .size=${settings?.model.image} .busy=${running}></diptych-picture>
        ${map && map.modules.length > 0 ? html`<diptych-fusion .map=${map} .steps=${mapSteps} .measured=${isMeasured((running ? settings : result?.settings)?.rule ?? DEFAULT_RULE)}></diptych-fusion>` : nothing}
        ${scores.length > 0 ? html`<diptych-scores .scores=${scores} .steps=${mapSteps}></diptych-scores>` : nothing}
      </section>
      ${engine ? html`<footer class="hint">${engine.note}</footer>` : nothing}
    </main>`;
  }

  #choices(running: boolean) {
    const { catalogue, settings, bytesMissing, guidanceBytesMissing, progress, warnings, error, result } = this.model.state;
    return html`${
        catalogue && settings
          ? html`${LORA_KINDS.map((kind) => html`<diptych-picker .kind=${kind} .loras=${lorasOf(catalogue, settings.model, kind)} .settings=${settings} .disabled=${running}></diptych-picker>`)}
              <diptych-recipe .settings=${settings} .disabled=${running}></diptych-recipe>
              <diptych-tuning .settings=${settings} .disabled=${running}></diptych-tuning>
              ${guidableKinds(settings.model).length > 0 ? html`<diptych-guidance .settings=${settings} .bytesMissing=${guidanceBytesMissing} .disabled=${running}></diptych-guidance>` : nothing}`
          : html`<p class="hint" role="status">${error ? nothing : 'Opening the studio …'}</p>`
      }
      <diptych-action
        .ready=${settings !== undefined && bytesMissing !== undefined}
        .stuck=${error !== undefined && bytesMissing === undefined}
        .bytesMissing=${bytesMissing}
        .progress=${progress}
        .warnings=${warnings}
        .error=${error}
        .done=${result !== undefined && !error}
        @generate=${() => void this.model.generate()}
        @cancel=${() => void this.model.cancel()}
      ></diptych-action>`;
  }

  static override readonly styles = [
    controlStyles,
    css`
      main {
        display: grid;
        gap: var(--gap);
        max-width: 68rem;
        margin: 0 auto;
        padding: clamp(1rem, 4vw, 2rem);
      }
      .choices,
      .outcome {
        display: grid;
        align-content: start;
        gap: var(--gap);
        min-width: 0;
      }
      @media (min-width: 45rem) {
        main {
          grid-template-columns: minmax(17rem, 24rem) minmax(0, 1fr);
          column-gap: clamp(2rem, 5vw, 4rem);
        }
        footer {
          grid-column: 1 / -1;
        }
      }
    `,
  ];
}

/** Defines every element of the studio. */
export function defineStudio(): void {
  customElements.define('diptych-picker', Picker);
  customElements.define('diptych-recipe', Recipe);
  customElements.define('diptych-tuning', Tuning);
  customElements.define('diptych-guidance', GuidancePanel);
  customElements.define('diptych-reference', ReferenceField);
  customElements.define('diptych-action', Action);
  customElements.define('diptych-picture', PictureView);
  customElements.define('diptych-fusion', FusionView);
  customElements.define('diptych-scores', ScoresView);
  customElements.define('diptych-app', App);
}
