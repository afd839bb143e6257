import type { ChartConfiguration } from 'chart.js';
import { html, LitElement } from 'lit';
import type { Analytics } from '../../../shared/analytics.ts';
import type { Palette } from '../charts/palette.ts';
import { controlStyles } from '../styles/control-styles.ts';
import { panelStyles } from '../styles/panel-styles.ts';
import type { Filter } from '../view-state.ts';
import { isCounted, uncarried } from './dimensions.ts';
import { axisText, figureText, type MetricName, metricOf } from './metrics.ts';
import { axisLabel, intervalLabel } from './series-labels.ts';

/** The chosen figure over time. */
export class SeriesPanel extends LitElement {
  static override readonly properties = { analytics: { attribute: false }, metric: {}, filters: { attribute: false } };
  declare analytics: Analytics | undefined;
  declare metric: MetricName;
  declare filters: readonly Filter[];

  override render() {
    const { label, note } = metricOf(this.metric);
    return html`<section class="panel" aria-labelledby="heading">
      <header>
        <div>
          <h2 id="heading">${label} over time</h2>
          <p class="hint">
            ${note}${this.analytics ? `, by ${this.analytics.interval}${isPartial(this.analytics) ? '; the last one is not over yet' : ''}` : ''}
          </p>
        </div>
      </header>
      ${this.analytics ? this.#chart(this.analytics) : html`<div class="skeleton"></div>`}
    </section>`;
  }

  #chart(analytics: Analytics) {
    const { label, kind, of, events } = metricOf(this.metric);
    const uncounted = events.find((event) => !isCounted(event, this.filters));
    if (uncounted) return html`<p class="empty">Not recorded by ${uncarried(uncounted, this.filters)}. Remove that filter to see it.</p>`;
    const { series, interval } = analytics;
    const values = series.map(of);
    if (values.every((value) => value === null || (kind !== 'share' && value === 0)))
      return html`<p class="empty">Nothing was counted in this period.</p>`;
    const known = values.flatMap((value, i) => (value === null ? [] : [{ value, start: series[i]!.start }]));
    const most = known.reduce((a, b) => (b.value > a.value ? b : a));
    const summary = `${label} by ${interval}, ${values.length} points. Most: ${figureText(kind, most.value)}, ${intervalLabel(interval, most.start)}.`;
    const rows = series.map((point) => ({ name: intervalLabel(interval, point.start), cells: [figureText(kind, of(point))] }));
    const columns = [interval[0]!.toUpperCase() + interval.slice(1), label];
    return html`<admin-chart
      .chart=${(palette: Palette) => seriesChart(analytics, this.metric, palette)}
      .name=${`${label} over time`}
      .summary=${summary}
      .table=${{ caption: `${label} by ${interval}`, columns, rows }}
      .height=${280}
    ></admin-chart>`;
  }

  static override readonly styles = [controlStyles, panelStyles];
}

function seriesChart(analytics: Analytics, name: MetricName, palette: Palette): ChartConfiguration<'line'> {
  const { label, kind, of } = metricOf(name);
  const { series, interval } = analytics;
  return {
    type: 'line',
    data: {
      labels: series.map(({ start }) => axisLabel(analytics, start)),
      datasets: [
        {
          label,
          data: series.map(of),
          borderColor: palette.accent,
          backgroundColor: palette.accentWash,
          fill: 'origin',
          borderWidth: 2,
          pointRadius: series.length > 1 ? 0 : 4,
          pointHoverRadius: 4,
          pointBackgroundColor: palette.accent,
          pointHitRadius: 12,
          cubicInterpolationMode: 'monotone',
          segment: { borderDash: ({ p1DataIndex }) => (p1DataIndex === series.length - 1 && isPartial(analytics) ? [4, 4] : undefined) },
        },
      ],
    },
    options: {
      interaction: { mode: 'index', intersect: false },
      scales: {
        x: {
          grid: { display: false },
          border: { color: palette.line },
          ticks: { color: palette.muted, maxRotation: 0, autoSkipPadding: 24 },
        },
        y: {
          beginAtZero: true,
          grid: { color: palette.line },
          border: { display: false },
          ticks: {
            color: palette.muted,
            maxTicksLimit: 6,
            ...(kind === 'count' && { precision: 0 }),
            callback: (value) => axisText(kind, Number(value)),
          },
        },
      },
      plugins: {
        tooltip: {
          displayColors: false,
          callbacks: {
            title: ([item]) => (item ? intervalLabel(interval, series[item.dataIndex]!.start) : ''),
            label: ({ dataIndex }) => `${label}: ${figureText(kind, of(series[dataIndex]!))}`,
          },
        },
      },
    },
  };
}

/** The last interval is cut off by the period's end, so that it has less than the others for that alone. */
function isPartial({ series, interval, period }: Analytics): boolean {
  const last = new Date(series.at(-1)!.start);
  if (interval === 'month') last.setUTCMonth(last.getUTCMonth() + 1);
  else last.setTime(last.getTime() + LENGTH_MS[interval]);
  return last.getTime() > Date.parse(period.to);
}

const LENGTH_MS = { hour: 3_600_000, day: 86_400_000, week: 7 * 86_400_000 };
