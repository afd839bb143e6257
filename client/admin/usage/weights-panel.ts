import { html, LitElement } from 'lit';
import type { Analytics } from '../../../shared/analytics.ts';
import { stackedBars } from '../charts/bars.ts';
import type { Palette } from '../charts/palette.ts';
import { bytesText, percentText } from '../number-text.ts';
import { controlStyles } from '../styles/control-styles.ts';
import { panelStyles } from '../styles/panel-styles.ts';
import type { Filter } from '../view-state.ts';
import { isCounted, uncarried } from './dimensions.ts';
import { axisLabel, intervalLabel } from './series-labels.ts';

/** Bytes of weights by where they came from. */
export class WeightsPanel extends LitElement {
  static override readonly properties = { analytics: { attribute: false }, filters: { attribute: false } };
  declare analytics: Analytics | undefined;
  declare filters: readonly Filter[];

  override render() {
    return html`<section class="panel" aria-labelledby="heading">
      <header>
        <div>
          <h2 id="heading">Weights: network and cache</h2>
          <p class="hint">
            ${this.analytics && isCounted('download', this.filters) ? this.#sentence(this.analytics) : 'Where the bytes of models and LoRAs came from'}
          </p>
        </div>
      </header>
      ${this.analytics ? this.#chart(this.analytics) : html`<div class="skeleton"></div>`}
    </section>`;
  }

  #sentence({ totals: { bytes, cached_bytes, cache_share, cache_hit_share } }: Analytics): string {
    const hits = cache_hit_share === null ? '' : `; ${percentText(cache_hit_share)} of loads needed no network`;
    return `${bytesText(bytes)} over the network, ${bytesText(cached_bytes)} from browsers’ caches (${percentText(cache_share)})${hits}.`;
  }

  #chart(analytics: Analytics) {
    if (!isCounted('download', this.filters))
      return html`<p class="empty">
        Downloads are not recorded by ${uncarried('download', this.filters)}. Remove that filter to see them.
      </p>`;
    const { series, interval, totals } = analytics;
    if (totals.bytes + totals.cached_bytes === 0) return html`<p class="empty">Nothing was downloaded in this period.</p>`;
    const titles = series.map(({ start }) => intervalLabel(interval, start));
    const bars = {
      labels: series.map(({ start }) => axisLabel(analytics, start)),
      sets: [
        { label: 'Network', values: series.map(({ bytes }) => bytes) },
        { label: 'Cache', values: series.map(({ cached_bytes }) => cached_bytes) },
      ],
      text: bytesText,
    };
    const columns = [interval[0]!.toUpperCase() + interval.slice(1), 'Network', 'Cache', 'From cache'];
    const rows = series.map(({ bytes, cached_bytes, cache_share }, i) => ({
      name: titles[i]!,
      cells: [bytesText(bytes), bytesText(cached_bytes), percentText(cache_share)],
    }));
    return html`<ul class="legend" aria-hidden="true">
        <li><i></i>Network</li>
        <li><i class="soft"></i>Browser’s cache</li>
      </ul>
      <admin-chart
        .chart=${(palette: Palette) => stackedBars(bars, titles, palette)}
        .name=${'Weights: network and cache'}
        .summary=${this.#sentence(analytics)}
        .table=${{ caption: `Bytes by ${interval}`, columns, rows }}
        .height=${240}
      ></admin-chart>`;
  }

  static override readonly styles = [controlStyles, panelStyles];
}
