import { type DiptychError, ERRORS } from '../../shared/errors.ts';
import { ELEMENT_CSS } from './element-styles.ts';

const MARKUP = `
<div part="box">
  <div part="placeholder">
    <slot name="placeholder">
      <span class="mark" aria-hidden="true"><i></i><i></i></span>
      <p part="note">Pick a subject and a style; the picture is made here, in your browser.</p>
    </slot>
    <p part="error" role="alert" hidden></p>
    <button part="button" type="button"><slot name="label">Make a picture</slot></button>
  </div>
</div>`;

/** The shadow tree of `<diptych-studio>`: the placeholder, and the studio's frame once there is one. */
export class ElementView {
  readonly #box: HTMLElement;
  readonly #placeholder: HTMLElement;
  readonly #button: HTMLButtonElement;
  readonly #error: HTMLElement;
  #frame: HTMLIFrameElement | undefined;

  constructor(root: ShadowRoot) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(ELEMENT_CSS);
    root.adoptedStyleSheets = [sheet];
    root.innerHTML = MARKUP;
    this.#box = root.querySelector('[part=box]')!;
    this.#placeholder = root.querySelector('[part=placeholder]')!;
    this.#button = root.querySelector('button')!;
    this.#error = root.querySelector('[part=error]')!;
  }

  onIntent(open: () => void, signal: AbortSignal): void {
    this.#button.addEventListener('click', open, { signal });
  }

  /** Puts the studio's frame into the document, hidden until the studio has answered. */
  openFrame(address: string): HTMLIFrameElement {
    this.#error.hidden = true;
    // Not `disabled`, which would lose the keyboard focus.
    this.#button.ariaDisabled = 'true';
    this.#box.ariaBusy = 'true';
    const frame = document.createElement('iframe');
    frame.setAttribute('part', 'frame');
    frame.title = 'Diptych studio: pick a subject and a style, and make a picture';
    // The edge tells allowed pages by their origin, whatever referrer policy the page itself has.
    frame.referrerPolicy = 'origin';
    frame.dataset.waiting = '';
    frame.src = address;
    this.#box.append(frame);
    this.#frame = frame;
    return frame;
  }

  showFrame(): void {
    // Whoever opened it by keyboard goes on inside; a page that called generate() keeps its focus.
    const focused = this.#button.matches(':focus');
    delete this.#frame!.dataset.waiting;
    this.#box.ariaBusy = null;
    this.#placeholder.hidden = true;
    if (focused) this.#frame!.focus();
  }

  resizeFrame(height: number): void {
    if (this.#frame) this.#frame.style.height = `${height}px`;
  }

  showPlaceholder(): void {
    this.#frame?.remove();
    this.#frame = undefined;
    this.#placeholder.hidden = false;
    this.#button.ariaDisabled = null;
    this.#box.ariaBusy = null;
  }

  showError(error: DiptychError): void {
    this.#error.textContent = `${ERRORS[error.code]?.title ?? 'The studio could not open'} (${error.code}). ${error.message}`;
    this.#error.hidden = false;
  }
}
