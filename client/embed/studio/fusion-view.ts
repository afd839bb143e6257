import { css, html, LitElement, nothing } from 'lit';
import type { FusionMap } from '../../../shared/protocol.ts';
import { controlStyles } from './control-styles.ts';
import { cellAt, type FusionLayout, fusionLayout } from './fusion-layout.ts';
import { type FusionColours, paintFusion } from './fusion-paint.ts';
import { type Cell, cellText, layerGroups, mapText, subjectShare } from './fusion-summary.ts';
import { tableStyles } from './table-styles.ts';

const ARROWS: Readonly<Record<string, readonly [rows: number, steps: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

const within = (value: number, count: number): number => Math.min(count - 1, Math.max(0, value));
const percent = (share: number | undefined): string => (share === undefined ? '' : `${Math.round(share * 100)} %`);

/** The fusion map as a picture: layers from the top, steps from the left. Pointer and arrow keys read single cells; a table tells it in numbers. */
export class FusionView extends LitElement {
  static override readonly properties = {
    map: { attribute: false },
    steps: { type: Number },
    measured: { type: Boolean },
    marked: { state: true },
  };
  declare map: FusionMap | undefined;
  /** Columns to leave room for. */
  declare steps: number;
  /** The rule looked at every layer's features; otherwise it was settled beforehand where each LoRA acts. */
  declare measured: boolean;
  declare marked: Cell | undefined;
  #layout: FusionLayout | undefined;
  // In the next frame: painting changes the size that is watched.
  readonly #resized = new ResizeObserver(() => requestAnimationFrame(() => this.#paint()));
  readonly #scheme = matchMedia('(prefers-color-scheme: dark)');
  readonly #repaint = () => this.#paint();

  override connectedCallback(): void {
    super.connectedCallback();
    this.#resized.observe(this);
    this.#scheme.addEventListener('change', this.#repaint);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resized.disconnect();
    this.#scheme.removeEventListener('change', this.#repaint);
  }

  override render() {
    const map = this.map;
    if (!map) return nothing;
    return html`<h2>Fusion map</h2>
      <p class="hint">
        ${
          this.measured
            ? 'At every step each layer of the network followed either the subject or the style: whichever changed it more.'
            : 'The rule settles beforehand which LoRA acts in which layer and step.'
        }
      </p>
      <ul class="legend">
        <li><i class="subject"></i>Subject</li>
        <li><i class="style"></i>Style</li>
        ${
          this.measured
            ? html`<li class="depth"><i class="faint"></i><i class="half"></i><i class="subject"></i>Faint: close call</li>`
            : html`<li><i class="both"></i>Both</li>`
        }
      </ul>
      <i class="both" hidden></i><i class="empty" hidden></i>
      <canvas
        role="img"
        tabindex="0"
        aria-label=${`Fusion map. ${mapText(map)}`}
        aria-describedby="keys"
        @pointermove=${this.#point}
        @pointerleave=${this.#leave}
        @keydown=${this.#key}
        @blur=${this.#leave}
      ></canvas>
      <p id="keys" class="visually-hidden">Arrow keys read single cells.</p>
      <p class="cell" role="status" aria-live="polite">${this.marked ? cellText(map, this.marked) : mapText(map)}</p>
      ${map.modules[0] ? this.#table(map) : nothing}`;
  }

  #table(map: FusionMap) {
    return html`<details>
      <summary>In numbers</summary>
      <table>
        <caption class="visually-hidden">
          Share of the subject, by block
        </caption>
        <thead>
          <tr>
            <th scope="col">Block</th>
            <th scope="col">Layers</th>
            <th scope="col">Subject</th>
            <th scope="col">Style</th>
          </tr>
        </thead>
        <tbody>
          ${[...layerGroups(map.modules), { label: 'all', from: 0, to: map.modules.length }].map((group) => {
            const share = subjectShare(map, group);
            return html`<tr>
              <th scope="row">${group.label}</th>
              <td>${group.to - group.from}</td>
              <td>${percent(share)}</td>
              <td>${percent(share === undefined ? share : 1 - share)}</td>
            </tr>`;
          })}
        </tbody>
      </table>
    </details>`;
  }

  protected override willUpdate(): void {
    const { map, marked } = this;
    if (marked && (!map || marked.step >= map.steps || marked.row >= map.modules.length)) this.marked = undefined;
  }

  protected override updated(): void {
    this.#paint();
  }

  #point(event: PointerEvent): void {
    if (this.map && this.#layout) this.marked = cellAt(this.#layout, this.map.steps, event.offsetX, event.offsetY);
  }

  #leave(): void {
    this.marked = undefined;
  }

  #key(event: KeyboardEvent): void {
    const move = ARROWS[event.key];
    if (!move || !this.map || this.map.steps === 0) return;
    event.preventDefault();
    const { row, step } = this.marked ?? { row: -move[0], step: -move[1] };
    this.marked = { row: within(row + move[0], this.map.modules.length), step: within(step + move[1], this.map.steps) };
  }

  #paint(): void {
    const canvas = this.renderRoot.querySelector('canvas');
    const { map, measured, steps, marked } = this;
    const width = Math.floor(this.clientWidth);
    if (!canvas || !map || width === 0) return;
    const groups = layerGroups(map.modules);
    const layout = fusionLayout(groups, steps, width);
    this.#layout = layout;
    const ratio = devicePixelRatio;
    canvas.width = Math.round(layout.width * ratio);
    canvas.height = Math.round(layout.height * ratio);
    canvas.style.height = `${layout.height}px`;
    const context = canvas.getContext('2d')!;
    context.scale(ratio, ratio);
    const { fontFamily } = getComputedStyle(this);
    paintFusion(context, { map, measured, steps, groups, layout, marked, colours: this.#colours(), font: `12px ${fontFamily}` });
  }

  /** Custom properties compute to their text, `light-dark(...)` and all; the colours of elements that use them compute to colours. */
  #colours(): FusionColours {
    const of = (selector: string) => getComputedStyle(this.renderRoot.querySelector(selector)!);
    return {
      subject: of('.legend .subject').backgroundColor,
      style: of('.legend .style').backgroundColor,
      both: of('.both').backgroundColor,
      empty: of('.empty').backgroundColor,
      text: of('.hint').color,
    };
  }

  static override readonly styles = [
    controlStyles,
    tableStyles,
    css`
      h2 {
        margin: 0;
        font-size: 1rem;
      }
      .legend {
        display: flex;
        flex-wrap: wrap;
        gap: 0.25rem 1rem;
        margin: 0.75rem 0;
        padding: 0;
        font-size: 0.8125rem;
        list-style: none;
      }
      .legend li {
        display: flex;
        align-items: center;
        gap: 0.375rem;
      }
      .legend i {
        width: 12px;
        height: 12px;
        border-radius: 2px;
      }
      .subject,
      .depth i {
        background: var(--subject);
      }
      .style {
        background: var(--style);
      }
      .both {
        background: color-mix(in oklab, var(--subject), var(--style));
      }
      .empty {
        background: var(--sunken);
      }
      .depth {
        gap: 2px !important;
        color: var(--muted);
      }
      .depth i:last-of-type {
        margin-right: 0.25rem;
      }
      .faint {
        opacity: 0.22;
      }
      .half {
        opacity: 0.6;
      }
      canvas {
        display: block;
        width: 100%;
        border-radius: 4px;
        touch-action: pan-y;
      }
      .cell {
        min-height: 2.6em;
        margin: 0.5rem 0 0;
        color: var(--muted);
        font-size: 0.8125rem;
        line-height: 1.3;
        overflow-wrap: anywhere;
      }
    `,
  ];
}
