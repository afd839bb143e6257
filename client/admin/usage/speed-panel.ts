import { html, LitElement, nothing } from 'lit';
import type { Analytics, Metrics } from '../../../shared/analytics.ts';
import { lyingBars } from '../charts/bars.ts';
import type { Palette } from '../charts/palette.ts';
import { countText, durationText } from '../number-text.ts';
import { segmented, segmentedStyles } from '../segmented.ts';
import { controlStyles } from '../styles/control-styles.ts';
import { panelStyles } from '../styles/panel-styles.ts';
import type { Filter } from '../view-state.ts';
import { DIMENSION_LABELS } from './dimensions.ts';
import { filterButton } from './filter-rows.ts';

type MetricName = keyof Metrics;
type GpuClass = NonNullable<Analytics['percentiles']>['by_gpu_class'][number];

const METRICS: Readonly<Record<MetricName, { label: string; note: string }>> = {
  step: { label: 'Step', note: 'A run’s median denoising step' },
  load: { label: 'Load', note: 'Download and start before a visit’s first picture' },
  ready: { label: 'Open', note: 'From opening the studio until its engine answers' },
  total: { label: 'Run', note: 'A whole generation' },
};
const METRIC_OPTIONS = (Object.keys(METRICS) as MetricName[]).map((value) => ({ value, label: METRICS[value].label }));

/** Bars that find room; the table has all. */
const MAX_BARS = 8;
const TOLD_APART = new Set<string>(['gpu_class', 'backend', 'model', 'site']);

/** Median and 95th percentile of what visitors wait for, by GPU class. */
export class SpeedPanel extends LitElement {
  static override readonly properties = { analytics: { attribute: false }, filters: { attribute: false }, metric: { state: true } };
  declare analytics: Analytics | undefined;
  declare filters: readonly Filter[];
  declare metric: MetricName;

  constructor() {
    super();
    this.metric = 'step';
  }

  override render() {
    return html`<section class="panel" aria-labelledby="heading">
      <header>
        <div>
          <h2 id="heading">Speed by GPU class</h2>
          <p class="hint">${METRICS[this.metric].note}</p>
        </div>
        ${segmented({ name: 'metric', legend: 'What is timed', options: METRIC_OPTIONS, value: this.metric, onChoice: (metric) => (this.metric = metric) })}
      </header>
      ${this.analytics ? this.#content(this.analytics.percentiles) : html`<div class="skeleton"></div>`}
    </section>`;
  }

  #content(percentiles: Analytics['percentiles']) {
    if (!percentiles) {
      const names = [...new Set(this.filters.map(({ dimension }) => dimension))].filter((name) => !TOLD_APART.has(name));
      return html`<p class="empty">
        Times are not told apart by ${names.map((name) => DIMENSION_LABELS[name].toLowerCase()).join(' or ')}. Remove that filter to see
        them.
      </p>`;
    }
    const { metric } = this;
    const classes = percentiles.by_gpu_class
      .filter(({ metrics }) => metrics[metric].events > 0)
      .toSorted((a, b) => b.metrics[metric].events - a.metrics[metric].events);
    if (classes.length === 0) return html`<p class="empty">Nothing was timed in this period.</p>`;
    return this.#chart(percentiles.all[metric], classes);
  }

  #chart(all: Metrics[MetricName], classes: readonly GpuClass[]) {
    const { metric } = this;
    const shown = classes.slice(0, MAX_BARS);
    const cells = ({ events, p50, p95 }: Metrics[MetricName]): string[] => [countText(events), durationText(p50), durationText(p95)];
    const bars = {
      labels: shown.map(className),
      sets: [
        { label: 'p50', values: shown.map(({ metrics }) => metrics[metric].p50) },
        { label: 'p95', values: shown.map(({ metrics }) => metrics[metric].p95) },
      ],
      text: durationText,
    };
    const { label, note } = METRICS[metric];
    return html`<ul class="legend" aria-hidden="true">
        <li><i></i>p50 (median)</li>
        <li><i class="soft"></i>p95</li>
        ${classes.length > MAX_BARS ? html`<li>${MAX_BARS} of ${classes.length} classes; the table has all</li>` : nothing}
      </ul>
      <admin-chart
        .chart=${(palette: Palette) => lyingBars(bars, palette)}
        .name=${`Speed by GPU class: ${label}`}
        .summary=${`${note}, of all: median ${durationText(all.p50)}, 95th percentile ${durationText(all.p95)}.`}
        .table=${{
          caption: `${note}, by GPU class`,
          columns: ['GPU class', 'Counted', 'p50', 'p95'],
          rows: [
            ...classes.map((each) => ({ name: this.#filter(each), cells: cells(each.metrics[metric]) })),
            { name: 'All together', cells: cells(all) },
          ],
        }}
        .height=${28 + shown.length * 40}
        .open=${true}
      ></admin-chart>`;
  }

  #filter(gpu: GpuClass) {
    const chosen = { gpu_class: `${gpu.gpu_vendor}/${gpu.gpu_architecture}`, backend: gpu.backend };
    return filterButton({ text: className(gpu), filters: this.filters, chosen, control: this });
  }

  static override readonly styles = [controlStyles, panelStyles, segmentedStyles];
}

/** Where no GPU is told it is the backend that tells something. */
function className({ backend, gpu_vendor, gpu_architecture }: GpuClass): string {
  const gpu = [gpu_vendor, gpu_architecture].filter(Boolean).join(' ');
  if (backend === 'wasm') return gpu ? `${gpu}, WebAssembly` : 'WebAssembly';
  return gpu || 'WebGPU, not told';
}
