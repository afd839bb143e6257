import { readViewState, type ViewState, writeViewState } from './view-state.ts';

/** What the page shows, kept in the window's address. Fires `change`, also when somebody goes back. */
export class ViewAddress extends EventTarget {
  view: ViewState;
  readonly #window: Window;

  constructor(win: Window) {
    super();
    this.#window = win;
    this.view = this.#read();
    win.addEventListener('popstate', () => this.#show(this.#read()));
  }

  go(change: Partial<ViewState>): void {
    const view = { ...this.view, ...change };
    const query = writeViewState(view);
    if (query === writeViewState(this.view)) return;
    this.#window.history.pushState(null, '', this.#window.location.pathname + query);
    this.#show(view);
  }

  #read(): ViewState {
    return readViewState(new URLSearchParams(this.#window.location.search));
  }

  #show(view: ViewState): void {
    this.view = view;
    this.dispatchEvent(new Event('change'));
  }
}
