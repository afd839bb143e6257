import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  type ChartConfiguration,
  Filler,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
} from 'chart.js';
import { css, html, LitElement } from 'lit';
import { controlStyles } from '../styles/control-styles.ts';
import { type DataTable, tableOf } from '../table.ts';
import { filterStyles } from '../usage/filter-rows.ts';
import { tableStyles } from '../styles/table-styles.ts';
import { type Palette, paletteOf } from './palette.ts';

// What the dashboard draws, and no more: the rest of the library is left out of the bundle.
Chart.register(BarController, BarElement, LineController, LineElement, PointElement, CategoryScale, LinearScale, Filler, Tooltip);

export type PaintedChart = (palette: Palette) => ChartConfiguration<'bar'> | ChartConfiguration<'line'>;

/** A chart, what it says in a sentence, and the same numbers as a table. */
export class ChartView extends LitElement {
  static override readonly properties = {
    chart: { attribute: false },
    name: {},
    summary: {},
    table: { attribute: false },
    height: { type: Number },
    open: { type: Boolean },
  };
  declare chart: PaintedChart;
  declare name: string;
  /** The chart in words, for who does not see it. */
  declare summary: string;
  declare table: DataTable;
  /** CSS pixels. */
  declare height: number;
  /** The table stands open under the chart, as a part of it. */
  declare open: boolean;
  #drawn: Chart | undefined;
  readonly #scheme = matchMedia('(prefers-color-scheme: dark)');
  readonly #draw = (): void => this.#paint();

  override connectedCallback(): void {
    super.connectedCallback();
    this.#scheme.addEventListener('change', this.#draw);
    if (this.hasUpdated) this.#paint();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#scheme.removeEventListener('change', this.#draw);
    this.#drawn?.destroy();
    this.#drawn = undefined;
  }

  override render() {
    return html`<div class="canvas" .style=${`height: ${this.height}px`}>
        <canvas role="img" aria-label=${this.name} aria-describedby="summary"></canvas>
      </div>
      <p id="summary" class="visually-hidden">${this.summary}</p>
      ${
        this.open
          ? tableOf(this.table)
          : html`<details>
              <summary>In numbers<span class="visually-hidden">: ${this.name}</span></summary>
              <div class="scroll" tabindex="0" role="region" aria-label=${`${this.name} in numbers`}>${tableOf(this.table)}</div>
            </details>`
      }`;
  }

  protected override updated(changed: Map<string, unknown>): void {
    if (changed.has('chart') || changed.has('height')) this.#paint();
  }

  /** Charts stand still: they change when somebody asks for other numbers, and should not have to be waited for. */
  #paint(): void {
    const canvas = this.renderRoot.querySelector('canvas');
    if (!canvas || !this.isConnected) return;
    const palette = paletteOf(this);
    const configuration = this.chart(palette) as ChartConfiguration;
    const { fontFamily } = getComputedStyle(this);
    this.#drawn?.destroy();
    this.#drawn = new Chart(canvas, {
      ...configuration,
      options: {
        ...configuration.options,
        animation: false,
        responsive: true,
        maintainAspectRatio: false,
        color: palette.muted,
        font: { family: fontFamily, size: 12 },
      },
    });
  }

  static override readonly styles = [
    controlStyles,
    tableStyles,
    filterStyles,
    css`
      .canvas {
        position: relative;
        min-width: 0;
      }
      details:not([open]) {
        margin-bottom: calc(-1 * var(--space-3));
      }
      .scroll {
        max-height: 22rem;
        overflow: auto;
      }
    `,
  ];
}
