import { css, html, LitElement, nothing } from 'lit';
import type { RgbaImage } from '../../../shared/protocol.ts';
import { controlStyles } from './control-styles.ts';
import { drawPicture } from './png.ts';
import type { Result } from './studio-model.ts';

/** Small pictures grow by whole factors up to about this many CSS pixels. */
const WANTED_WIDTH = 448;

/** Shows a picture of `width` pixels in `room` CSS pixels: by a whole factor where it can grow, else as wide as fits. */
function shownWidth(width: number, room: number): number {
  const zoom = Math.floor(Math.min(room, Math.max(WANTED_WIDTH, width)) / width);
  return zoom >= 1 ? width * zoom : room;
}

/** Pixels inside the padding. */
function roomIn(frame: HTMLElement): number {
  const { paddingInlineStart, paddingInlineEnd } = getComputedStyle(frame);
  return frame.clientWidth - parseFloat(paddingInlineStart) - parseFloat(paddingInlineEnd);
}

/** The picture as it emerges and when it is finished, its facts, and the way to keep it. */
export class PictureView extends LitElement {
  static override readonly properties = {
    result: { attribute: false },
    preview: { attribute: false },
    size: { attribute: false },
    busy: { type: Boolean },
  };
  declare result: Result | undefined;
  /** Of the run in progress. */
  declare preview: RgbaImage | undefined;
  /** What a picture of the present model will measure: its place is kept before it is there. */
  declare size: { width: number; height: number } | undefined;
  declare busy: boolean;
  #drawn: RgbaImage | undefined;
  #kept: Blob | undefined;
  #address: string | undefined;
  // In the next frame: fitting changes the size that is watched.
  readonly #resized = new ResizeObserver(() => requestAnimationFrame(() => this.#fit()));

  override connectedCallback(): void {
    super.connectedCallback();
    this.#resized.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resized.disconnect();
    this.#forget();
    this.#drawn = undefined;
  }

  override render() {
    return html`<div class="frame" ?data-waiting=${this.busy && !this.preview}>
        ${
          this.#image
            ? html`<canvas
                role="img"
                aria-label=${this.preview ? 'The picture so far' : `Picture: ${this.result?.settings.prompt}`}
              ></canvas>`
            : html`<div class="empty">
                <span class="mark" aria-hidden="true"><i></i><i></i></span>
                <p class="hint">${this.busy ? 'Your picture is on its way.' : 'Your picture will appear here.'}</p>
              </div>`
        }
      </div>
      ${this.result ? this.#facts(this.result) : nothing}`;
  }

  #facts({ settings, picture, timings }: Result) {
    const { subject, style } = settings;
    const name = [subject?.id, style?.id, settings.seed].filter((part) => part !== undefined).join('-');
    const seconds = (timings.totalMs - timings.downloadMs - timings.sessionMs) / 1000;
    return html`<div class="facts">
      <p class="hint">Seed ${settings.seed} · ${picture.width} × ${picture.height} · made in ${seconds.toFixed(1)} s</p>
      <a class="button" href=${this.#address ?? nothing} download=${`${name}.png`}>Download PNG</a>
    </div>`;
  }

  protected override willUpdate(): void {
    const blob = this.result?.picture.blob;
    if (blob === this.#kept) return;
    this.#forget();
    this.#kept = blob;
    if (blob) this.#address = URL.createObjectURL(blob);
  }

  protected override updated(): void {
    const [canvas, image] = [this.#canvas, this.#image];
    if (canvas && image && this.#drawn !== image) {
      drawPicture(canvas, image);
      this.#drawn = image;
    }
    this.#fit();
  }

  get #image(): RgbaImage | undefined {
    return this.preview ?? this.result?.image;
  }

  get #canvas(): HTMLCanvasElement | null {
    return this.renderRoot.querySelector('canvas');
  }

  #fit(): void {
    const frame = this.renderRoot.querySelector<HTMLElement>('.frame');
    const size = this.#image ?? this.size;
    if (!frame || !size) return;
    const width = shownWidth(size.width, roomIn(frame));
    frame.style.setProperty('--height', `${Math.round((width / size.width) * size.height)}px`);
    const canvas = this.#canvas;
    if (!canvas) return;
    canvas.style.width = `${width}px`;
    canvas.classList.toggle('grown', width > size.width);
  }

  #forget(): void {
    if (this.#address) URL.revokeObjectURL(this.#address);
    this.#address = undefined;
    this.#kept = undefined;
  }

  static override readonly styles = [
    controlStyles,
    css`
      .frame {
        display: grid;
        place-items: center;
        box-sizing: content-box;
        min-height: var(--height, 16rem);
        border-radius: var(--radius);
        background: var(--sunken);
      }
      canvas {
        display: block;
        border-radius: 4px;
        max-width: 100%;
        height: auto;
        transition: opacity 0.2s;
      }
      @media (min-width: 30rem) {
        .frame {
          padding: 1.5rem;
        }
      }
      canvas.grown {
        image-rendering: pixelated;
      }
      [data-waiting] canvas {
        opacity: 0.45;
      }
      .empty {
        display: grid;
        justify-items: center;
        gap: 1rem;
        padding: 2rem 1rem;
      }
      .mark {
        display: flex;
        gap: 4px;
        opacity: 0.5;
      }
      .mark i {
        width: 28px;
        height: 42px;
        border-radius: 4px;
        background: var(--subject);
      }
      .mark i + i {
        background: var(--style);
      }
      .facts {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: space-between;
        gap: 0.5rem 1rem;
        margin-top: 0.75rem;
      }
    `,
  ];
}
