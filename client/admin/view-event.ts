import type { ViewState } from './view-state.ts';

const NAME = 'admin-view';

/** Tells the page that a control wants to show something else. */
export function changeView(control: HTMLElement, change: Partial<ViewState>): void {
  control.dispatchEvent(new CustomEvent(NAME, { detail: change, bubbles: true, composed: true }));
}

export function onView(page: HTMLElement, take: (change: Partial<ViewState>) => void): void {
  page.addEventListener(NAME, (event) => take((event as CustomEvent<Partial<ViewState>>).detail));
}
