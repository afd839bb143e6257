import { asDiptychError, DiptychError } from '../../shared/errors.ts';
import { adoptEarlyProperties, OBSERVED_ATTRIBUTES, readOptions, reflectProperties } from './attributes.ts';
import { ElementView } from './element-view.ts';
import type { Picture, StudioMessage } from './messages.ts';
import { connectStudio, type StudioConnection } from './studio-frame.ts';

/** On a server there is no HTMLElement; there the class is only defined, never made. */
const Base: typeof HTMLElement = globalThis.HTMLElement ?? (Object as unknown as typeof HTMLElement);

interface Pending {
  resolve(picture: Picture): void;
  reject(error: DiptychError): void;
}

/**
 * `<diptych-studio site="pk_...">`: a placeholder that opens the studio in an iframe of the edge on intent.
 *
 * Events, none of which bubbles: `diptych-ready`, `diptych-progress` (detail `RunProgress`), `diptych-step` (`StepProgress`),
 * `diptych-complete` (`Picture`), `diptych-error` (`DiptychError`).
 */
export abstract class StudioElement extends Base {
  static readonly observedAttributes = OBSERVED_ATTRIBUTES;
  /** The edge's origin: `https://edge.example`. */
  protected abstract readonly edge: string;
  #view: ElementView | undefined;
  #opening: Promise<StudioConnection> | undefined;
  #studio: StudioConnection | undefined;
  #pending: Pending | undefined;
  #life = new AbortController();

  connectedCallback(): void {
    this.#life = new AbortController();
    adoptEarlyProperties(this);
    this.#view ??= new ElementView(this.attachShadow({ mode: 'open' }));
    this.#view.onIntent(() => void this.#open().catch(() => undefined), this.#life.signal);
  }

  disconnectedCallback(): void {
    this.#life.abort();
    this.#settle((pending) => pending.reject(new DiptychError('cancelled', 'The studio was taken off the page.')));
    this.#shut();
  }

  attributeChangedCallback(name: string): void {
    // Another site is another studio.
    if (name === 'site') this.#shut();
    this.#studio?.send({ type: 'options', options: this.#options() });
  }

  /**
   * Opens the studio if need be and makes a picture with the current options. Where files have to be downloaded first, the studio shows
   * their size and waits for the visitor's consent (`diptych-progress`, phase `consent`).
   *
   * @throws `engine_busy`, `cancelled`, `embed_unreachable`, and whatever else the run fails with
   */
  async generate(): Promise<Picture> {
    if (this.#pending) throw new DiptychError('engine_busy', 'Another picture is being made; wait for it, or cancel it.');
    const { promise, ...pending } = Promise.withResolvers<Picture>();
    this.#pending = pending;
    // When the studio cannot even open, nobody waits for the picture any more.
    promise.catch(() => undefined);
    try {
      (await this.#open()).send({ type: 'generate' });
      return await promise;
    } finally {
      if (this.#pending === pending) this.#pending = undefined;
    }
  }

  /** Ends the run in progress, if there is one. */
  cancel(): void {
    this.#studio?.send({ type: 'cancel' });
  }

  #options() {
    return readOptions((name) => this.getAttribute(name));
  }

  /** One studio an element. A failure closes it, so that the next intent tries again. */
  #open(): Promise<StudioConnection> {
    this.#opening ??= this.#connect().catch((thrown: unknown) => {
      this.#shut();
      const error = asDiptychError(thrown, 'embed_unreachable');
      if (error.code !== 'cancelled') this.#view?.showError(error);
      this.#tell('error', error);
      throw error;
    });
    return this.#opening;
  }

  async #connect(): Promise<StudioConnection> {
    const view = this.#view;
    if (!view || !this.isConnected) throw new DiptychError('embed_unreachable', 'Put <diptych-studio> into the document first.');
    const site = this.getAttribute('site');
    if (!site) throw new DiptychError('site_key_missing', 'Give <diptych-studio> the attribute site="pk_..." with the key of your site.');
    const frame = view.openFrame(`${this.edge}/embed/studio?site=${encodeURIComponent(site)}`);
    const onMessage = (message: StudioMessage) => this.#hear(message);
    this.#studio = await connectStudio({ edge: this.edge, frame, options: this.#options(), onMessage }, this.#life.signal);
    view.showFrame();
    return this.#studio;
  }

  #shut(): void {
    this.#studio?.close();
    this.#studio = undefined;
    this.#opening = undefined;
    this.#view?.showPlaceholder();
  }

  #hear(message: StudioMessage): void {
    switch (message.type) {
      case 'ready':
        return this.#tell('ready', undefined);
      case 'resize':
        return this.#view?.resizeFrame(message.height);
      case 'progress':
      case 'step':
        return this.#tell(message.type, message.progress);
      case 'complete':
        if (message.requested) this.#settle((pending) => pending.resolve(message.picture));
        return this.#tell('complete', message.picture);
      case 'error': {
        const error = new DiptychError(message.error.code, message.error.message, message.error.details);
        if (message.requested) this.#settle((pending) => pending.reject(error));
        return this.#tell('error', error);
      }
    }
  }

  #settle(how: (pending: Pending) => void): void {
    if (this.#pending) how(this.#pending);
    this.#pending = undefined;
  }

  #tell(name: 'ready' | 'progress' | 'step' | 'complete' | 'error', detail: unknown): void {
    this.dispatchEvent(new CustomEvent(`diptych-${name}`, { detail }));
  }
}

if (globalThis.HTMLElement) reflectProperties(StudioElement.prototype);
