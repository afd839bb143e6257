import { DiptychError } from '../../shared/errors.ts';
import type { ConnectMessage, HostMessage, RefusedMessage, StudioMessage, StudioOptions } from './messages.ts';

/** How long the studio may take to answer before it counts as unreachable. */
const ANSWER_MS = 20_000;

export interface StudioFrameParts {
  /** The edge's origin: the only one whose messages are read. */
  edge: string;
  /** A frame that is already in the document, and whose address is set. */
  frame: HTMLIFrameElement;
  options: StudioOptions;
  onMessage: (message: StudioMessage) => void;
  answerMs?: number;
}

export interface StudioConnection {
  send(message: HostMessage): void;
  close(): void;
}

/**
 * Gives the studio in `frame` a port when it has loaded, and resolves at its first word.
 *
 * @throws the code that the edge refuses with (`origin_not_allowed`, `site_unknown` ...); `embed_unreachable` after 20 s of silence;
 *   `cancelled` when `signal` ends it
 */
export async function connectStudio(
  { edge, frame, options, onMessage, answerMs = ANSWER_MS }: StudioFrameParts,
  signal: AbortSignal,
): Promise<StudioConnection> {
  const { port1: port, port2: studioPort } = new MessageChannel();
  const answer = Promise.withResolvers<void>();
  const listening = new AbortController();
  port.addEventListener('message', ({ data }: MessageEvent<StudioMessage>) => {
    if (data.type === 'ready') answer.resolve();
    onMessage(data);
  });
  port.start();
  const connect = () => {
    const message: ConnectMessage = { type: 'diptych-connect', options };
    frame.contentWindow?.postMessage(message, edge, [studioPort]);
  };
  const refuse = ({ origin, source, data }: MessageEvent<RefusedMessage | undefined>) => {
    if (origin !== edge || source !== frame.contentWindow || data?.type !== 'diptych-refused') return;
    answer.reject(new DiptychError(data.code, data.message, { edge, origin: location.origin }));
  };
  frame.addEventListener('load', connect, { once: true, signal: listening.signal });
  window.addEventListener('message', refuse, { signal: listening.signal });
  signal.addEventListener('abort', () => answer.reject(new DiptychError('cancelled', 'The studio was taken off the page.')), {
    once: true,
  });
  const silence = setTimeout(() => answer.reject(unreachable(edge, answerMs)), answerMs);
  try {
    await answer.promise;
  } catch (thrown) {
    port.close();
    throw thrown;
  } finally {
    clearTimeout(silence);
    listening.abort();
  }
  return { send: (message) => port.postMessage(message), close: () => port.close() };
}

function unreachable(edge: string, answerMs: number): DiptychError {
  return new DiptychError(
    'embed_unreachable',
    `The studio at ${edge} did not answer within ${answerMs / 1000} s. Check that ${location.origin} is one of the site’s allowed origins, and that this page’s Content-Security-Policy has frame-src ${edge}.`,
    { edge, origin: location.origin },
  );
}
