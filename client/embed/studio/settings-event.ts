import type { Settings } from './settings.ts';

const NAME = 'diptych-settings';

/** Tells the page that a control wants other settings. */
export function changeSettings(control: HTMLElement, settings: Settings): void {
  control.dispatchEvent(new CustomEvent(NAME, { detail: settings, bubbles: true, composed: true }));
}

export function onSettings(page: HTMLElement, take: (settings: Settings) => void): void {
  page.addEventListener(NAME, (event) => take((event as CustomEvent<Settings>).detail));
}
