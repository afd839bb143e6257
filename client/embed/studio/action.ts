import { css, html, LitElement, nothing, type PropertyValues } from 'lit';
import { live } from 'lit/directives/live.js';
import type { DiptychError } from '../../../shared/errors.ts';
import { controlStyles } from './control-styles.ts';
import { errorText } from './error-text.ts';
import { announcement, bytesText, fractionOf, type Progress, progressText } from './progress.ts';

/** Generate and Cancel, what a press will download, how far the run is, and what went wrong. Fires `generate` and `cancel`. */
export class Action extends LitElement {
  static override readonly properties = {
    ready: { type: Boolean },
    stuck: { type: Boolean },
    bytesMissing: { attribute: false },
    progress: { attribute: false },
    warnings: { attribute: false },
    error: { attribute: false },
    done: { type: Boolean },
  };
  declare ready: boolean;
  /** Opening has failed: a press tries it again. */
  declare stuck: boolean;
  declare bytesMissing: number | undefined;
  declare progress: Progress | undefined;
  declare warnings: readonly string[];
  declare error: DiptychError | undefined;
  /** There is a picture, and nothing goes on. */
  declare done: boolean;
  /** When `error` came, in milliseconds since 1970: what it says of the time is as of then. */
  #failedAt = 0;

  override render() {
    const running = this.progress !== undefined && this.progress.phase !== 'consent';
    const able = (this.ready || this.stuck) && !running;
    // `aria-disabled`, because a disabled button would drop the keyboard's focus when the run starts.
    return html`<div class="buttons">
        <button type="button" class="primary" aria-describedby="size" aria-disabled=${!able} @click=${() => able && this.#fire('generate')}>
          ${this.#generateLabel(running)}
        </button>
        ${this.progress ? html`<button type="button" class="cancel" @click=${() => this.#fire('cancel')}>Cancel</button>` : nothing}
      </div>
      ${running ? this.#bar(this.progress!) : html`<p class="hint" id="size">${this.#size()}</p>`}
      <div role="status">${this.warnings.map((warning) => html`<p class="hint">${warning}</p>`)}</div>
      <p class="visually-hidden" role="status" aria-live="polite">${this.#announcement()}</p>
      <div role="alert">${this.error ? this.#problem(this.error) : nothing}</div>`;
  }

  /** Cancel goes away with the run; whoever stood on it stands on Generate then. */
  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('error')) this.#failedAt = Date.now();
    if (!this.progress && this.shadowRoot?.activeElement?.matches('.cancel'))
      this.renderRoot.querySelector<HTMLElement>('.primary')!.focus();
  }

  #announcement(): string {
    if (this.progress) return announcement(this.progress);
    return this.done ? 'The picture is finished.' : '';
  }

  #generateLabel(running: boolean): string {
    if (running) return 'Generating …';
    if (this.stuck) return 'Try again';
    return this.progress?.phase === 'consent' ? 'Download and generate' : 'Generate';
  }

  #size(): string {
    if (this.bytesMissing === undefined) return this.error ? '' : 'Looking at what is on this device already …';
    if (this.bytesMissing === 0) return 'Everything is on this device. The picture never leaves it.';
    const asked = this.progress?.phase === 'consent' ? 'This page asks for a picture. ' : '';
    return `${asked}Downloads about ${bytesText(this.bytesMissing)}, once; it stays on this device. The picture never leaves it.`;
  }

  #bar(progress: Progress) {
    // Without a value the bar shows that work goes on; `live` because removing the property leaves the attribute.
    const fraction = fractionOf(progress);
    return html`<div class="progress">
      ${
        fraction === undefined
          ? html`<progress aria-label="Progress"></progress>`
          : html`<progress aria-label="Progress" max="1" .value=${live(fraction)}></progress>`
      }
      <p class="hint">${progressText(progress)}</p>
    </div>`;
  }

  #problem(error: DiptychError) {
    const { title, advice, code } = errorText(error, this.#failedAt);
    return html`<div class="problem">
      <strong>${title}</strong>
      <p>${advice}</p>
      <code>${code}</code>
    </div>`;
  }

  #fire(name: 'generate' | 'cancel'): void {
    this.dispatchEvent(new Event(name));
  }

  static override readonly styles = [
    controlStyles,
    css`
      .buttons {
        display: flex;
        gap: 0.5rem;
      }
      .primary {
        flex: 1;
        min-height: 50px;
      }
      .hint {
        margin-top: 0.625rem;
      }
      .progress {
        margin-top: 0.875rem;
      }
      .progress .hint {
        margin-top: 0.375rem;
        font-variant-numeric: tabular-nums;
      }
      progress {
        display: block;
        width: 100%;
        height: 6px;
        border: 0;
        border-radius: 3px;
        overflow: hidden;
        background: var(--line);
        accent-color: var(--ink);
      }
      progress::-webkit-progress-bar {
        background: var(--line);
      }
      progress::-webkit-progress-value {
        border-radius: 3px;
        background: var(--ink);
        transition: inline-size 0.2s;
      }
      progress::-moz-progress-bar {
        background: var(--ink);
      }
      .problem {
        margin-top: 1rem;
        padding: 0.875rem 1rem;
        border-radius: var(--radius);
        background: var(--danger-wash);
        font-size: 0.9375rem;
      }
      .problem strong {
        color: var(--danger);
      }
      .problem p {
        margin: 0.25rem 0 0.375rem;
        overflow-wrap: anywhere;
      }
      .problem code {
        color: var(--muted);
        font-size: 0.8125rem;
      }
      @media (prefers-reduced-motion: reduce) {
        progress::-webkit-progress-value {
          transition: none;
        }
      }
    `,
  ];
}
