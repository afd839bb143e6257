import type { DiptychError } from '../../../shared/errors.ts';
import { originAllowed } from '../../../shared/origins.ts';
import type {
  ConnectMessage,
  HostMessage,
  Picture,
  RefusedMessage,
  RunProgress,
  StepProgress,
  StudioMessage,
  StudioOptions,
} from '../messages.ts';

export interface HostLinkParts {
  window: Window;
  /** Patterns of the origins whose pages may embed the studio. */
  origins: readonly string[];
  onOptions(options: StudioOptions): void;
  onGenerate(): void;
  onCancel(): void;
}

/** The studio's side of the port to the host page's element. Without a host (the studio in a tab of its own) it says everything to nobody. */
export class HostLink {
  readonly #parts: HostLinkParts;
  #port: MessagePort | undefined;

  constructor(parts: HostLinkParts) {
    this.#parts = parts;
    parts.window.addEventListener('message', (event) => this.#connect(event));
  }

  resize(height: number): void {
    this.#send({ type: 'resize', height });
  }

  progress(progress: RunProgress): void {
    this.#send({ type: 'progress', progress });
  }

  step(progress: StepProgress): void {
    this.#send({ type: 'step', progress });
  }

  complete(picture: Picture, requested: boolean): void {
    this.#send({ type: 'complete', picture, requested });
  }

  error(error: DiptychError, requested: boolean): void {
    this.#send({ type: 'error', error: error.toJSON(), requested });
  }

  #connect({ origin, source, ports, data }: MessageEvent<Partial<ConnectMessage> | undefined>): void {
    if (source !== this.#parts.window.parent || data?.type !== 'diptych-connect' || !data.options || !ports[0]) return;
    if (!originAllowed(origin, this.#parts.origins)) {
      const refusal: RefusedMessage = {
        type: 'diptych-refused',
        code: 'origin_not_allowed',
        message: `${origin} is not one of the origins that may embed this studio.`,
      };
      this.#parts.window.parent.postMessage(refusal, origin);
      return;
    }
    this.#port?.close();
    this.#port = ports[0];
    this.#port.addEventListener('message', (event: MessageEvent<HostMessage>) => this.#hear(event.data));
    this.#port.start();
    this.#send({ type: 'ready' });
    this.#parts.onOptions(data.options);
  }

  #hear(message: HostMessage): void {
    switch (message.type) {
      case 'options':
        return this.#parts.onOptions(message.options);
      case 'generate':
        return this.#parts.onGenerate();
      case 'cancel':
        return this.#parts.onCancel();
    }
  }

  #send(message: StudioMessage): void {
    this.#port?.postMessage(message);
  }
}
