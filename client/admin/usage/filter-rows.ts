import { css, html } from 'lit';
import type { Breakdown } from '../../../shared/analytics.ts';
import { changeView } from '../view-event.ts';
import { type Filter, isSameFilter } from '../view-state.ts';

/** Filters by these too, or no longer, where all are already. */
function toggled(filters: readonly Filter[], chosen: readonly Filter[]): Filter[] {
  const isChosen = (filter: Filter): boolean => chosen.some((other) => isSameFilter(filter, other));
  const others = filters.filter((filter) => !isChosen(filter));
  return others.length + chosen.length === filters.length ? others : [...others, ...chosen];
}

interface FilterButton {
  text: string;
  /** Said after the text, where it stands in smaller letters below. */
  detail?: string;
  filters: readonly Filter[];
  chosen: Partial<Record<Breakdown, string>>;
  control: HTMLElement;
}

/** A row's name as a button that filters by it. With `filterStyles`. */
export function filterButton({ text, detail, filters, chosen, control }: FilterButton) {
  const wanted = Object.entries(chosen).map(([dimension, value]) => ({ dimension: dimension as Breakdown, value }));
  const pressed = wanted.every((filter) => filters.some((other) => isSameFilter(filter, other)));
  return html`<button
    type="button"
    class="filter"
    aria-pressed=${pressed}
    title=${pressed ? 'Remove this filter' : 'Show only this'}
    @click=${() => changeView(control, { filters: toggled(filters, wanted) })}
  >
    <span>${text}</span>${detail ? html`<small>${detail}</small>` : ''}
  </button>`;
}

export const filterStyles = css`
  button.filter {
    display: inline-grid;
    justify-items: start;
    gap: 0;
    min-height: 28px;
    margin: -0.25rem -0.375rem;
    padding: 0.25rem 0.375rem;
    border: 0;
    border-radius: 6px;
    background: none;
    font: inherit;
    line-height: 1.3;
    text-align: left;
    overflow-wrap: anywhere;
  }
  button.filter span {
    text-decoration: underline;
    text-decoration-color: var(--control-line);
    text-decoration-thickness: 1px;
    text-underline-offset: 3px;
  }
  button.filter:hover span {
    text-decoration-color: currentColor;
  }
  button.filter small {
    color: var(--muted);
    font-size: 0.75rem;
  }
  button.filter[aria-pressed='true'] {
    background: var(--accent-wash);
    color: var(--accent);
  }
`;
