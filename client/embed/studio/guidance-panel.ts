import { css, html, LitElement, nothing } from 'lit';
import { live } from 'lit/directives/live.js';
import type { LoraKind } from '../../../shared/manifest.ts';
import type { GuidancePlan } from '../../engine/guidance-plan.ts';
import { ETA_MAX } from '../messages.ts';
import { controlStyles } from './control-styles.ts';
import { bytesText } from './progress.ts';
import { guidableKinds, guidancePlan } from './run-request.ts';
import { guide, type Settings } from './settings.ts';
import { changeSettings } from './settings-event.ts';

/** Metric guidance: its switch and what it costs, and once it is on, how strongly and towards which pictures. */
export class GuidancePanel extends LitElement {
  static override readonly properties = { settings: { attribute: false }, bytesMissing: { attribute: false }, disabled: { type: Boolean } };
  declare settings: Settings;
  /** What guidance adds to the download; undefined while it is being counted. */
  declare bytesMissing: number | undefined;
  declare disabled: boolean;

  override render() {
    const { model, guidance } = this.settings;
    const kinds = guidableKinds(model);
    const names = kinds.map((kind) => `the ${kind}`);
    const plan = guidancePlan(this.settings);
    const open = !plan || guidance.on || Object.keys(guidance.pictures).length > 0;
    return html`<div class="head">
        <label for="switch">Guidance</label>
        <input
          id="switch"
          type="checkbox"
          role="switch"
          aria-describedby="what cost"
          .checked=${live(guidance.on && plan !== undefined)}
          ?disabled=${this.disabled || !plan}
          @change=${this.#toggle}
        />
      </div>
      <p class="hint" id="what">At every step, pulls the picture towards reference pictures of ${names.join(' and ')}.</p>
      <p class="hint" id="cost">
        ${plan ? this.#cost(plan) : `There are none of ${names.join(' or ')}; choose one of your own to guide by.`}
      </p>
      ${plan && guidance.on ? this.#strength() : nothing} ${open ? this.#references(kinds) : nothing}`;
  }

  #cost({ decoder }: GuidancePlan): string {
    const time = `Each step takes ${decoder.kind === 'tiny' ? 'about twice' : 'several times'} as long`;
    if (this.bytesMissing === undefined) return `${time}.`;
    return this.bytesMissing > 0
      ? `${time}; about ${bytesText(this.bytesMissing)} more to download, once.`
      : `${time}; nothing more to download.`;
  }

  #strength() {
    const { eta } = this.settings.guidance;
    return html`<div class="row"><label for="eta">Guidance strength</label><output for="eta">${eta.toFixed(2)}</output></div>
      <input
        id="eta"
        type="range"
        min="0.01"
        max=${ETA_MAX}
        step="0.01"
        .value=${String(eta)}
        ?disabled=${this.disabled}
        @input=${this.#pull}
      />`;
  }

  #references(kinds: readonly LoraKind[]) {
    return html`<div class="references" role="group" aria-label="Reference pictures">
        ${kinds.map((kind) => html`<diptych-reference .kind=${kind} .settings=${this.settings} .disabled=${this.disabled}></diptych-reference>`)}
      </div>
      <p class="hint">Pictures that you choose or drop here never leave this device.</p>`;
  }

  #toggle(event: Event): void {
    changeSettings(this, guide(this.settings, { on: (event.target as HTMLInputElement).checked }));
  }

  #pull(event: Event): void {
    changeSettings(this, guide(this.settings, { eta: (event.target as HTMLInputElement).valueAsNumber }));
  }

  static override readonly styles = [
    controlStyles,
    css`
      .head,
      .row {
        display: flex;
        align-items: center;
        justify-content: space-between;
      }
      .head {
        min-height: 44px;
      }
      .row {
        margin-top: 0.875rem;
      }
      .hint + .hint {
        margin-top: 0.25rem;
      }
      output {
        color: var(--muted);
        font-size: 0.875rem;
        font-variant-numeric: tabular-nums;
      }
      [role='switch'] {
        flex: none;
        position: relative;
        width: 46px;
        height: 26px;
        margin: 0;
        border: 1px solid var(--control-line);
        border-radius: 999px;
        appearance: none;
        background: var(--sunken);
        cursor: pointer;
        transition: background 0.15s;
      }
      [role='switch']::after {
        content: '';
        position: absolute;
        inset: 3px auto 3px 3px;
        width: 18px;
        border-radius: 50%;
        background: var(--control-line);
        transition: translate 0.15s;
      }
      [role='switch']:checked {
        border-color: var(--ink);
        background: var(--ink);
      }
      [role='switch']:checked::after {
        translate: 20px;
        background: var(--on-ink);
      }
      [role='switch']:disabled {
        opacity: 0.55;
        cursor: default;
      }
      .references {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr));
        gap: 0.5rem;
        margin: 0.875rem 0 0.5rem;
      }
      @media (prefers-reduced-motion: reduce) {
        [role='switch'],
        [role='switch']::after {
          transition: none;
        }
      }
    `,
  ];
}
