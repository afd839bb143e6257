import { css, html, LitElement, nothing } from 'lit';
import { controlStyles } from '../styles/control-styles.ts';
import { changeView } from '../view-event.ts';
import { type Filter, isSameFilter } from '../view-state.ts';
import { DIMENSION_LABELS, valueText } from './dimensions.ts';

/** What is filtered by, each with a button that takes it away. */
export class FilterChips extends LitElement {
  static override readonly properties = { filters: { attribute: false }, siteName: { attribute: false } };
  declare filters: readonly Filter[];
  declare siteName: (id: string) => string;

  override render() {
    if (this.filters.length === 0) return nothing;
    return html`<ul aria-label="Filters">
      ${this.filters.map((filter) => {
        const text = valueText(filter.dimension, filter.value, this.siteName);
        return html`<li>
          <button type="button" @click=${() => this.#remove(filter)}>
            <span class="visually-hidden">Remove filter</span>
            <span class="dimension">${DIMENSION_LABELS[filter.dimension]}</span> <span class="value">${text}</span>
            <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true"><path d="M2 2l8 8M10 2l-8 8" /></svg>
          </button>
        </li>`;
      })}
      ${this.filters.length > 1 ? html`<li><button type="button" class="quiet" @click=${() => changeView(this, { filters: [] })}>Remove all</button></li>` : nothing}
    </ul>`;
  }

  #remove(filter: Filter): void {
    changeView(this, { filters: this.filters.filter((other) => !isSameFilter(filter, other)) });
  }

  static override readonly styles = [
    controlStyles,
    css`
      ul {
        display: flex;
        flex-wrap: wrap;
        gap: var(--space-2);
        margin: 0;
        padding: 0;
        list-style: none;
      }
      li {
        max-width: 100%;
      }
      button {
        max-width: 100%;
        min-height: 36px;
        padding: 0.25rem 0.875rem;
        border-color: var(--accent);
        background: var(--accent-wash);
        font-size: 0.875rem;
      }
      button.quiet {
        border-color: transparent;
        background: none;
      }
      .dimension {
        color: var(--muted);
        font-weight: 500;
        white-space: nowrap;
      }
      .value {
        min-width: 0;
        overflow-wrap: anywhere;
      }
      svg {
        flex: none;
      }
      path {
        stroke: currentColor;
        stroke-width: 1.75;
        stroke-linecap: round;
      }
    `,
  ];
}
