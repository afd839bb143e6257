import { css, html, LitElement, nothing, svg } from 'lit';
import type { Scores } from '../../../shared/protocol.ts';
import { controlStyles } from './control-styles.ts';
import { METRIC_LABELS } from './metric-labels.ts';
import { linePoints, type Range, scoreRange, type ScoreSeries, scoreSeries, scoreText, stepName } from './score-series.ts';
import { tableStyles } from './table-styles.ts';

/** How near the picture is to each reference, over the steps of a guided run. */
export class ScoresView extends LitElement {
  static override readonly properties = { scores: { attribute: false }, steps: { type: Number } };
  /** Of each step, before its correction, and last of the finished picture. */
  declare scores: readonly Scores[];
  /** Columns to leave room for. */
  declare steps: number;

  override render() {
    const series = scoreSeries(this.scores);
    if (series.length === 0) return nothing;
    const range = scoreRange(series);
    return html`<h2>Guidance scores</h2>
      <p class="hint">How near the picture is to each reference, as a network sees both: 1 is the same, 0 is unrelated.</p>
      <ul class="legend">
        ${series.map(({ metric, values }) => html`<li>${swatch(metric)}${METRIC_LABELS[metric]} <span class="change">${change(values)}</span></li>`)}
      </ul>
      <div class="chart" role="img" aria-label=${chartText(series)}>
        <div class="scale" aria-hidden="true">
          <span>${range.most.toFixed(2)}</span><span>${range.least.toFixed(2).replace('-', '−')}</span>
        </div>
        ${this.#lines(series, range)}
        <div class="axis" aria-hidden="true"><span>step 1</span><span>picture</span></div>
      </div>
      ${this.#table(series)}`;
  }

  #lines(series: readonly ScoreSeries[], range: Range) {
    return html`<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
      ${[0, 50, 100].map((y) => svg`<path class="grid" d=${`M0 ${y}H100`} />`)}
      ${series.map(({ metric, values }) => {
        const points = linePoints(values, this.steps, range).map((point) => point.map((at) => at.toFixed(2)).join(' '));
        // A line of no length with round ends is a dot, whatever the picture's proportions.
        return svg`<path class=${metric} d=${`M${points.join('L')}`} /><path class="dot ${metric}" d=${`M${points.at(-1)}h0`} />`;
      })}
    </svg>`;
  }

  #table(series: readonly ScoreSeries[]) {
    return html`<details>
      <summary>In numbers</summary>
      <table>
        <caption class="visually-hidden">
          Cosine with each reference, by step
        </caption>
        <thead>
          <tr>
            <th scope="col">Step</th>
            ${series.map(({ metric }) => html`<th scope="col">${METRIC_LABELS[metric]}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${this.scores.map(
            (_, k) =>
              html`<tr>
                <th scope="row">${stepName(k, this.steps)}</th>
                ${series.map(({ values }) => html`<td>${scoreText(values[k]!)}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </details>`;
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
        gap: 0.25rem 1.25rem;
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
      .legend svg {
        width: 22px;
        height: 10px;
      }
      .change {
        color: var(--muted);
        font-variant-numeric: tabular-nums;
      }
      /* The plot stands under the cells of the fusion map. */
      .chart {
        display: grid;
        grid-template: 140px auto / 54px minmax(0, 1fr);
        column-gap: 8px;
      }
      .scale,
      .axis {
        display: flex;
        justify-content: space-between;
        color: var(--muted);
        font-size: 0.75rem;
        line-height: 1;
        font-variant-numeric: tabular-nums;
      }
      .scale {
        flex-direction: column;
        margin-block: -0.375rem;
      }
      .axis {
        grid-column: 2;
        margin-top: 6px;
      }
      .chart svg {
        width: 100%;
        height: 100%;
        overflow: visible;
      }
      path {
        fill: none;
        stroke: var(--ink);
        stroke-width: 2;
        stroke-linejoin: round;
        vector-effect: non-scaling-stroke;
      }
      .grid {
        stroke: var(--line);
        stroke-width: 1;
      }
      .dino {
        stroke: var(--subject);
      }
      .clip {
        stroke: var(--style);
        stroke-dasharray: 6 3;
      }
      .gram {
        stroke: color-mix(in oklab, var(--style), var(--ink) 45%);
        stroke-dasharray: 2 3;
      }
      .clip-text {
        stroke: var(--muted);
        stroke-dasharray: 9 3 2 3;
      }
      .dot {
        stroke-width: 7;
        stroke-linecap: round;
        stroke-dasharray: none;
      }
    `,
  ];
}

const swatch = (metric: string) => html`<svg viewBox="0 0 22 10" aria-hidden="true"><path class=${metric} d="M0 5H22" /></svg>`;

/** First and last of what was measured. */
const change = (values: readonly number[]): string => `${scoreText(values[0]!)} → ${scoreText(values.at(-1)!)}`;

/** The chart in words. */
function chartText(series: readonly ScoreSeries[]): string {
  const parts = series.map(
    ({ metric, values }) => `${METRIC_LABELS[metric]} from ${scoreText(values[0]!)} to ${scoreText(values.at(-1)!)}`,
  );
  return `Guidance scores. ${parts.join('; ')}.`;
}
