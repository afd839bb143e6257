import type { DiptychError } from '../../../shared/errors.ts';
import { exactQuantile } from '../../../shared/nearest-rank.ts';
import type { EngineInfo, GenerateResult, Scores, Timings } from '../../../shared/protocol.ts';
import type { Telemetry } from '../telemetry.ts';
import { subjectShare } from './fusion-summary.ts';
import { isGuided } from './run-request.ts';
import type { Settings } from './settings.ts';

type Backend = 'webgpu' | 'wasm';

/** Turns what happens in the studio into telemetry events: identifiers, counts and durations; never the prompt, the seed or the picture. */
export class Recorder {
  readonly #telemetry: Telemetry;
  readonly #now: () => number;
  readonly #openedAt: number;
  /** 0 between runs. */
  #startedAt = 0;
  #hasFinished = false;

  /** @param now milliseconds */
  constructor(telemetry: Telemetry, now: () => number) {
    this.#telemetry = telemetry;
    this.#now = now;
    this.#openedAt = now();
    telemetry.record({ event: 'view' });
  }

  ready(engine: EngineInfo): void {
    this.#telemetry.record({ event: 'ready', duration_ms: Math.round(this.#now() - this.#openedAt), ...engineFields(engine) });
  }

  consented(bytes: number, settings: Settings): void {
    this.#telemetry.record({ event: 'consent', bytes, model: settings.model.id });
  }

  started(settings: Settings, engine: EngineInfo): void {
    this.#startedAt = this.#now();
    this.#telemetry.record({ event: 'generate_start', ...runFields(settings), ...engineFields(engine) });
  }

  finished(settings: Settings, engine: EngineInfo, { timings, fusionMap, scores }: GenerateResult): void {
    const share = subjectShare(fusionMap, { from: 0, to: fusionMap.modules.length });
    this.#telemetry.record({
      event: 'download',
      duration_ms: Math.round(timings.downloadMs),
      bytes: timings.bytesDownloaded,
      cached_bytes: timings.bytesCached,
      model: settings.model.id,
    });
    if (timings.stepMs.length > 0)
      this.#telemetry.record({
        event: 'generate_step_summary',
        ...runFields(settings),
        ...engineFields(engine),
        ...stepFields(timings),
      });
    this.#telemetry.record({
      event: 'generate_complete',
      duration_ms: Math.round(timings.totalMs),
      // Later runs find most of it loaded: only the first tells what a visitor waits for.
      ...(!this.#hasFinished && { load_ms: Math.round(timings.downloadMs + timings.sessionMs) }),
      ...runFields(settings),
      ...engineFields(engine),
      ...(share !== undefined && { subject_share: share }),
      ...scoreFields(scores?.at(-1)),
    });
    this.#hasFinished = true;
    this.#startedAt = 0;
    this.#telemetry.flush();
  }

  failed(error: DiptychError, settings: Settings | undefined, engine: EngineInfo | undefined): void {
    const fields = { ...(settings && runFields(settings)), ...(engine && engineFields(engine)) };
    if (error.code === 'cancelled') this.#telemetry.record({ event: 'cancel', ...this.#duration(), ...fields });
    else this.#telemetry.record({ event: 'generate_error', code: error.code, ...this.#duration(), ...fields });
    this.#startedAt = 0;
    this.#telemetry.flush();
  }

  #duration(): { duration_ms?: number } {
    return this.#startedAt > 0 ? { duration_ms: Math.round(this.#now() - this.#startedAt) } : {};
  }
}

function runFields(settings: Settings) {
  const { model, subject, style, rule, steps, guidance } = settings;
  return {
    model: model.id,
    ...(subject && { subject: subject.id }),
    ...(style && { style: style.id }),
    rule,
    steps,
    guidance: isGuided(settings) ? guidance.eta : 0,
  };
}

/** Steps that were taken, and the time of all and of each: whole milliseconds and tenths. */
function stepFields({ stepMs }: Timings) {
  const tenths = (ms: number) => Math.round(ms * 10) / 10;
  return {
    steps: stepMs.length,
    duration_ms: Math.round(stepMs.reduce((sum, ms) => sum + ms, 0)),
    step_p50_ms: tenths(exactQuantile(stepMs, 0.5)),
    step_p95_ms: tenths(exactQuantile(stepMs, 0.95)),
  };
}

/** Of the finished picture. */
function scoreFields({ dino, clip }: Scores = {}) {
  return { ...(dino !== undefined && { score_subject: dino }), ...(clip !== undefined && { score_style: clip }) };
}

function engineFields({ backend, gpu }: EngineInfo) {
  return { backend: backend as Backend, gpu_vendor: gpu.vendor, gpu_architecture: gpu.architecture };
}
