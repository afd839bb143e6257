import { css, html, LitElement, nothing } from 'lit';
import type { LoraKind } from '../../../shared/manifest.ts';
import { controlStyles } from './control-styles.ts';
import { drawPicture } from './png.ts';
import { readPicture } from './read-picture.ts';
import { guide, type ReferencePicture, type Settings } from './settings.ts';
import { changeSettings } from './settings-event.ts';

/** Where the visitor gives a picture of their own to guide by: chosen, dropped or pasted, shown, and taken away again. */
export class ReferenceField extends LitElement {
  static override readonly properties = {
    kind: {},
    settings: { attribute: false },
    disabled: { type: Boolean },
    error: { state: true },
    over: { state: true },
  };
  declare kind: LoraKind;
  declare settings: Settings;
  declare disabled: boolean;
  declare error: string | undefined;
  /** A file is held over the field. */
  declare over: boolean | undefined;
  #reads = 0;

  override render() {
    const picture = this.settings.guidance.pictures[this.kind];
    return html`<div
        class="field ${this.kind}"
        ?data-over=${this.over}
        @dragover=${this.#hold}
        @dragleave=${this.#leave}
        @drop=${this.#drop}
        @paste=${this.#paste}
      >
        ${picture ? this.#given(picture) : this.#empty()}
      </div>
      <p class="error" role="alert">${this.error ?? nothing}</p>`;
  }

  #empty() {
    const name = this.kind === 'subject' ? 'Subject' : 'Style';
    const lora = this.settings[this.kind];
    const known = lora?.references?.[this.kind === 'subject' ? 'dino' : 'clip'];
    return html`<label>
      <input type="file" accept="image/*" ?disabled=${this.disabled} @change=${this.#choose} />
      <span>${name}</span>
      <span class="action">${known && lora ? `${lora.name}’s, or choose or drop your own` : 'Choose or drop a picture'}</span>
    </label>`;
  }

  #given({ name }: ReferencePicture) {
    return html`<div class="given">
      <canvas role="img" aria-label=${`Your ${this.kind} picture: ${name}`}></canvas>
      <span class="file">${name}</span>
      <button
        type="button"
        aria-label=${`Remove your ${this.kind} picture`}
        ?disabled=${this.disabled}
        @click=${() => this.#keep(undefined)}
      >
        Remove
      </button>
    </div>`;
  }

  protected override updated(): void {
    const picture = this.settings.guidance.pictures[this.kind];
    const canvas = this.renderRoot.querySelector('canvas');
    if (canvas && picture) drawPicture(canvas, picture.image);
  }

  #hold(event: DragEvent): void {
    if (!event.dataTransfer?.types.includes('Files')) return;
    // Also while disabled: the browser would open the file in place of the studio.
    event.preventDefault();
    if (this.disabled) event.dataTransfer.dropEffect = 'none';
    else this.over = true;
  }

  #leave(): void {
    this.over = false;
  }

  #drop(event: DragEvent): void {
    event.preventDefault();
    this.over = false;
    void this.#take(event.dataTransfer?.files);
  }

  #paste(event: ClipboardEvent): void {
    void this.#take(event.clipboardData?.files);
  }

  #choose(event: Event): void {
    void this.#take((event.target as HTMLInputElement).files ?? undefined);
  }

  async #take(files: FileList | undefined): Promise<void> {
    const file = files?.[0];
    if (!file || this.disabled) return;
    const turn = ++this.#reads;
    this.error = undefined;
    try {
      const image = await readPicture(file);
      if (turn === this.#reads) await this.#keep({ name: file.name, image });
    } catch {
      if (turn === this.#reads) this.error = `${file.name} cannot be read as a picture. Try a PNG, JPEG or WebP file.`;
    }
  }

  async #keep(picture: ReferencePicture | undefined): Promise<void> {
    const focused = this.shadowRoot?.activeElement !== null;
    const { [this.kind]: _, ...others } = this.settings.guidance.pictures;
    changeSettings(this, guide(this.settings, { pictures: picture ? { ...others, [this.kind]: picture } : others }));
    // Field and button take each other's place; whoever stood on one stands on the other then.
    await this.#shown(picture);
    if (focused) this.renderRoot.querySelector<HTMLElement>('input, button')?.focus();
  }

  /** The settings come back by way of the page. */
  async #shown(picture: ReferencePicture | undefined): Promise<void> {
    while (this.isConnected && this.settings.guidance.pictures[this.kind] !== picture) await new Promise(requestAnimationFrame);
    await this.updateComplete;
  }

  static override readonly styles = [
    controlStyles,
    css`
      :host {
        display: grid;
        grid-template: 1fr auto / minmax(0, 1fr);
      }
      .field {
        --kind: var(--subject);
      }
      .field.style {
        --kind: var(--style);
      }
      label,
      .given {
        position: relative;
        display: grid;
        align-content: center;
        gap: 0.25rem;
        height: 100%;
        min-height: 76px;
        padding: 0.625rem 0.75rem;
        border: 1px dashed var(--control-line);
        border-radius: var(--radius);
      }
      label {
        cursor: pointer;
      }
      label:hover,
      [data-over] label {
        border-color: var(--kind);
      }
      [data-over] label,
      [data-over] .given {
        box-shadow: inset 0 0 0 1px var(--kind);
      }
      label:has(:focus-visible) {
        outline: 3px solid var(--focus);
        outline-offset: 2px;
      }
      label:has(:disabled) {
        cursor: default;
        opacity: 0.6;
      }
      input {
        position: absolute;
        inset: 0;
        width: 100%;
        opacity: 0;
        cursor: inherit;
      }
      .action,
      .file {
        color: var(--muted);
        font-size: 0.8125rem;
        font-weight: 400;
      }
      .given {
        grid-template-columns: auto minmax(0, 1fr);
        align-items: center;
        column-gap: 0.5rem;
        border-style: solid;
        border-color: var(--kind);
      }
      canvas {
        grid-row: span 2;
        width: 48px;
        height: 48px;
        border-radius: 6px;
        object-fit: cover;
      }
      .file {
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      button {
        justify-self: start;
        min-height: 28px;
        padding: 0 0.5rem;
        font-size: 0.8125rem;
      }
      .error {
        margin: 0.25rem 0 0;
        color: var(--danger);
        font-size: 0.8125rem;
        overflow-wrap: anywhere;
      }
      .error:empty {
        display: none;
      }
    `,
  ];
}
