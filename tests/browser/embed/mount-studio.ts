import { App, defineStudio } from '../../../client/embed/studio/app.ts';
import { toPng } from '../../../client/embed/studio/png.ts';
import { type StudioEngine, StudioModel } from '../../../client/embed/studio/studio-model.ts';
import { DiptychError } from '../../../shared/errors.ts';
import type { EngineEvent, GenerateRequest, GenerateResult, Scores } from '../../../shared/protocol.ts';
import { catalogue } from '../../unit/embed/catalogue-fixture.ts';

const MODULES = ['down_blocks.0.attentions.0.to_q', 'mid_block.attentions.0.to_q', 'up_blocks.0.attentions.0.to_q'];
const SIZE = 16;

/** A picture whose every pixel is another colour. */
export const pixels = Uint8ClampedArray.from({ length: SIZE * SIZE * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * 7) % 256));

/** The picture so far, after the third step. */
export const pixelsSoFar = pixels.map((value, i) => (i % 4 === 3 ? 255 : 255 - value));

export interface Mounted {
  app: App;
  model: StudioModel;
  /** Lets the engine go one event further, and the page take it. */
  next(): Promise<void>;
}

/** The whole studio page over an engine that goes on when the test says so: what is tested here is the page, not the network. */
export async function mountStudio({ width = 1000, theme = 'light', admit = async () => {} } = {}): Promise<Mounted> {
  if (!customElements.get('diptych-app')) defineStudio();
  await loadStyles();
  document.documentElement.dataset.theme = theme;
  document.body.replaceChildren();
  const steps = pacer();
  const model = new StudioModel({
    connect: () => pacedEngine(steps.wait),
    fetchCatalogue: async () => catalogue,
    admit,
    toPng,
    runtimeBytesMissing: () => 16_000_000,
    rememberRuntime: () => {},
    recorder: { ready() {}, consented() {}, started() {}, finished() {}, failed() {} },
    host: { progress() {}, step() {}, complete() {}, error() {} },
    firstSeed: 5,
  });
  const app = new App();
  app.model = model;
  app.style.width = `${width}px`;
  document.body.append(app);
  await model.open();
  await app.updateComplete;
  return { app, model, next: steps.next };
}

/** The page's own style sheet, once. */
async function loadStyles(): Promise<void> {
  if (document.querySelector('link.studio')) return;
  const link = Object.assign(document.createElement('link'), {
    rel: 'stylesheet',
    className: 'studio',
    href: new URL('../../../client/embed/studio/studio.css', import.meta.url).href,
  });
  await new Promise((resolve, reject) => {
    link.addEventListener('load', resolve);
    link.addEventListener('error', reject);
    document.head.append(link);
  });
}

function pacer() {
  let gate = Promise.withResolvers<void>();
  return {
    wait: () => gate.promise,
    async next() {
      gate.resolve();
      gate = Promise.withResolvers<void>();
      await new Promise((resolve) => setTimeout(resolve));
    },
  };
}

function pacedEngine(wait: () => Promise<void>): StudioEngine {
  let cancelled = false;
  return {
    start: async () => ({ backend: 'webgpu', note: 'WebGPU on a test adapter.', gpu: { vendor: '', architecture: '' } }),
    missing: async (blobs) => [...blobs],
    async generate(request, onEvent) {
      cancelled = false;
      for (const event of events(request)) {
        onEvent(event);
        await wait();
        if (cancelled) throw new DiptychError('cancelled', 'Cancelled.');
      }
      return { ...result(request.steps), ...(request.guidance && { scores: scores(request) }) };
    },
    cancel: async () => {
      cancelled = true;
    },
    terminate() {},
  };
}

function* events(request: GenerateRequest): Generator<EngineEvent> {
  const { steps, guidance } = request;
  yield { type: 'download', loaded: 3_000_000, total: 12_000_000, cached: 0, secondsLeft: 9 };
  yield { type: 'session', graph: 'denoiser', index: 0, count: 3 };
  for (let step = 1; step <= steps; step++) {
    const { distances, choice } = result(1).fusionMap;
    const at = guidance && scores(request)[step - 1]!;
    yield { type: 'step', step, steps, secondsLeft: steps - step, distances, choice, ...(at && { scores: at }) };
    if (step === 3) yield { type: 'preview', image: { width: SIZE, height: SIZE, data: pixelsSoFar.slice() } };
  }
}

/** Of each step and of the picture: the subject's rises from 0.4 to 0.6, the style's from 0.5 to 0.8; only of what has a reference. */
function scores({ steps, subject, style, referenceImages = {} }: GenerateRequest): Scores[] {
  return Array.from({ length: steps + 1 }, (_, k) => ({
    ...((referenceImages.subject ?? subject?.references?.dino) && { dino: 0.4 + (0.2 * k) / steps }),
    ...((referenceImages.style ?? style?.references?.clip) && { clip: 0.5 + (0.3 * k) / steps }),
  }));
}

/** In every step the subject wins the first layer clearly and the style the other two, the last by little. */
function result(steps: number): GenerateResult {
  const repeat = <T>(values: T[]): T[] => Array.from({ length: steps }, () => values).flat();
  return {
    image: { width: SIZE, height: SIZE, data: pixels.slice() },
    fusionMap: {
      modules: MODULES,
      steps,
      distances: Float32Array.from(repeat([1, 0, 0, 1, 0.9, 1])),
      choice: Uint8Array.from(repeat([0, 1, 1])),
    },
    timings: { downloadMs: 1, sessionMs: 1, textMs: 1, stepMs: [1], decodeMs: 1, totalMs: 2002, bytesDownloaded: 1, bytesCached: 0 },
  };
}
