import { asDiptychError, DiptychError } from '../../../shared/errors.ts';
import type { BlobRef, Manifest } from '../../../shared/manifest.ts';
import type { EngineApi, EngineEvent, EngineInfo, FusionMap, GenerateResult, RgbaImage, Scores } from '../../../shared/protocol.ts';
import type { Picture, StudioOptions } from '../messages.ts';
import { appendStep } from './live-map.ts';
import { type Progress, progressOf } from './progress.ts';
import { isGuided, requestOf, runFiles } from './run-request.ts';
import { applyOptions, firstSettings, type Settings } from './settings.ts';
import type { HostLink } from './host-link.ts';
import type { Recorder } from './recorder.ts';

/** A finished run, with the settings that made it. */
export interface Result extends GenerateResult {
  picture: Picture;
  settings: Settings;
}

export interface StudioState {
  catalogue?: Manifest;
  settings?: Settings;
  engine?: EngineInfo;
  /** What the present settings still have to download; undefined while it is being counted. */
  bytesMissing: number | undefined;
  /** The part of it that is guidance's, or would be if that were on. */
  guidanceBytesMissing: number | undefined;
  /** Set while a run is going on, or waits for consent. */
  progress: Progress | undefined;
  /** What the network sees so far, while a run is going on. */
  preview: RgbaImage | undefined;
  /** Of the run in progress, else of the last one. */
  map: FusionMap | undefined;
  /** Steps that `map` will have. */
  mapSteps: number;
  /** With guidance: of the steps so far, and last of the finished picture. */
  scores: readonly Scores[];
  result: Result | undefined;
  /** What the engine said about the run in progress, or else the last one. */
  warnings: readonly string[];
  error: DiptychError | undefined;
}

export interface StudioEngine extends EngineApi {
  terminate(): void;
}

export interface StudioParts {
  connect(): StudioEngine;
  fetchCatalogue(): Promise<Manifest>;
  /** Rejects when no more pictures may be made today. */
  admit(): Promise<void>;
  toPng(image: GenerateResult['image']): Promise<Blob>;
  /** Bytes of onnxruntime itself that are not here yet. */
  runtimeBytesMissing(backend: EngineInfo['backend']): number;
  rememberRuntime(backend: EngineInfo['backend']): void;
  recorder: Pick<Recorder, 'ready' | 'consented' | 'started' | 'finished' | 'failed'>;
  host: Pick<HostLink, 'progress' | 'step' | 'complete' | 'error'>;
  firstSeed: number;
}

/** All that the studio knows and does, without a pixel: the page draws `state` at every `change` event. */
export class StudioModel extends EventTarget {
  state: Readonly<StudioState> = {
    bytesMissing: undefined,
    guidanceBytesMissing: undefined,
    progress: undefined,
    preview: undefined,
    map: undefined,
    mapSteps: 0,
    scores: [],
    result: undefined,
    warnings: [],
    error: undefined,
  };
  readonly #parts: StudioParts;
  #engine: StudioEngine | undefined;
  #opened: Promise<void> | undefined;
  #options: StudioOptions | undefined;
  /** The host page asked for the run that goes on, or that waits for consent. */
  #requested = false;
  #counts = 0;

  constructor(parts: StudioParts) {
    super();
    this.#parts = parts;
  }

  /** Reads the catalogue, starts the engine and counts what is still to be downloaded. Downloads nothing. Never rejects: see `state.error`. */
  open(): Promise<void> {
    this.#opened ??= this.#open().catch((thrown: unknown) => {
      this.#opened = undefined;
      this.#fail(asDiptychError(thrown));
    });
    return this.#opened;
  }

  /** What the host page sets, now or as soon as there is a catalogue. */
  setOptions(options: StudioOptions): void {
    const { catalogue, settings } = this.state;
    if (catalogue && settings) this.setSettings(applyOptions(settings, catalogue, options, this.#options));
    this.#options = options;
  }

  setSettings(settings: Settings): void {
    const before = this.state.settings;
    this.#set({ settings });
    if (!before || filesKey(before) !== filesKey(settings)) void this.#count();
  }

  /** The visitor's own press, which consents to the download whose size stands beside the button; after a failure to open, it tries that again. */
  async generate(): Promise<void> {
    const { progress, bytesMissing, settings } = this.state;
    if (progress && progress.phase !== 'consent') return;
    if (bytesMissing === undefined || !settings) return this.#reopen();
    if (bytesMissing > 0) this.#parts.recorder.consented(bytesMissing, settings);
    await this.#run();
  }

  /** The host page's wish: what is here already runs at once, a download waits for the visitor. */
  async generateForHost(): Promise<void> {
    if (this.state.progress) {
      this.#parts.host.error(new DiptychError('engine_busy', 'Another picture is being made; wait for it, or cancel it.'), true);
      return;
    }
    this.#requested = true;
    this.#set({ error: undefined });
    await this.open();
    // A count is void when the settings change meanwhile.
    while (this.state.bytesMissing === undefined && !this.state.error) await this.#count();
    const bytes = this.state.bytesMissing;
    // Opening or counting has failed, and has said so.
    if (bytes === undefined || !this.state.settings) return;
    if (bytes === 0) return this.#run();
    this.#show({ phase: 'consent', bytes });
  }

  async cancel(): Promise<void> {
    if (this.state.progress?.phase === 'consent') this.#fail(new DiptychError('cancelled', 'Cancelled before anything was downloaded.'));
    else if (this.state.progress) await this.#engine?.cancel();
  }

  async #open(): Promise<void> {
    const [catalogue] = await Promise.all([this.#parts.fetchCatalogue(), this.#startedEngine()]);
    const settings = firstSettings(catalogue, this.#parts.firstSeed);
    if (!settings) throw new DiptychError('catalogue_missing', 'The catalogue of this site has no model.');
    this.#set({ catalogue, settings: this.#options ? applyOptions(settings, catalogue, this.#options) : settings, error: undefined });
    await this.#count();
  }

  async #reopen(): Promise<void> {
    if (!this.state.error) return;
    this.#set({ error: undefined });
    await (this.state.settings ? this.#count() : this.open());
  }

  /** The engine, started. One that died is replaced. */
  async #startedEngine(): Promise<StudioEngine> {
    if (this.#engine) return this.#engine;
    const engine = this.#parts.connect();
    try {
      const info = await engine.start({ backend: 'auto' });
      this.#set({ engine: info });
      this.#parts.recorder.ready(info);
    } catch (thrown) {
      engine.terminate();
      throw thrown;
    }
    this.#engine = engine;
    return engine;
  }

  async #count(): Promise<void> {
    const turn = ++this.#counts;
    const settings = this.state.settings!;
    this.#set({ bytesMissing: undefined, guidanceBytesMissing: undefined });
    try {
      const engine = await this.#startedEngine();
      const files = runFiles(settings);
      const plain = await engine.missing(files.plain);
      const guidance = sumOf(await engine.missing(files.guidance));
      if (turn !== this.#counts) return;
      const runtime = this.#parts.runtimeBytesMissing(this.state.engine!.backend);
      this.#set({ bytesMissing: sumOf(plain) + runtime + (isGuided(settings) ? guidance : 0), guidanceBytesMissing: guidance });
    } catch (thrown) {
      if (turn === this.#counts) this.#fail(asDiptychError(thrown));
    }
  }

  async #run(): Promise<void> {
    const settings = this.state.settings;
    if (!settings) return;
    this.#set({ map: undefined, mapSteps: settings.steps, scores: [], warnings: [], error: undefined });
    this.#show({ phase: 'start' });
    try {
      const engine = await this.#startedEngine();
      const info = this.state.engine!;
      await this.#parts.admit();
      this.#parts.recorder.started(settings, info);
      const result = await engine.generate(requestOf(settings), (event) => this.#onEvent(event));
      const blob = await this.#parts.toPng(result.image);
      this.#parts.recorder.finished(settings, info, result);
      this.#complete({
        ...result,
        settings,
        picture: { blob, seed: settings.seed, width: result.image.width, height: result.image.height },
      });
    } catch (thrown) {
      this.#fail(asDiptychError(thrown));
    }
    await this.#count();
  }

  #onEvent(event: EngineEvent): void {
    // The last events travel beside the result and may come after it.
    if (!this.state.progress) return;
    if (event.type === 'step') {
      const { step, steps, secondsLeft, scores } = event;
      // A network has run, so onnxruntime is here, however this run ends.
      if (step === 1) this.#parts.rememberRuntime(this.state.engine!.backend);
      this.#set({
        map: appendStep(this.state.map, event),
        scores: scores ? [...this.state.scores, scores] : this.state.scores,
        progress: { phase: 'step', step, steps, secondsLeft },
      });
      this.#parts.host.step({ step, steps, secondsLeft, ...(scores && { scores }) });
    } else if (event.type === 'preview') this.#set({ preview: event.image });
    else if (event.type === 'warning') this.#set({ warnings: [...this.state.warnings, event.message] });
    else this.#show(progressOf(event));
  }

  #show(progress: Progress): void {
    this.#set({ progress });
    if (progress.phase !== 'start' && progress.phase !== 'step') this.#parts.host.progress(progress);
  }

  #complete(result: Result): void {
    this.#set({ progress: undefined, preview: undefined, result, ...drawingsOf(result) });
    this.#parts.host.complete(result.picture, this.#requested);
    this.#requested = false;
  }

  /** Cancelling is no error to the visitor, who asked for it; the host page hears of it as one. */
  #fail(error: DiptychError): void {
    if (error.code === 'engine_died') {
      this.#engine?.terminate();
      this.#engine = undefined;
    }
    this.#set({
      progress: undefined,
      preview: undefined,
      ...drawingsOf(this.state.result),
      error: error.code === 'cancelled' ? undefined : error,
    });
    this.#parts.recorder.failed(error, this.state.settings, this.state.engine);
    this.#parts.host.error(error, this.#requested);
    this.#requested = false;
  }

  #set(changes: Partial<StudioState>): void {
    this.state = { ...this.state, ...changes };
    this.dispatchEvent(new Event('change'));
  }
}

/** Changes with the files that a run needs. */
function filesKey(settings: Settings): string {
  const { plain, guidance } = runFiles(settings);
  return [isGuided(settings), ...[...plain, ...guidance].map(({ sha256 }) => sha256)].join(' ');
}

const sumOf = (refs: readonly BlobRef[]): number => refs.reduce((sum, { bytes }) => sum + bytes, 0);

/** What is drawn of a run beside its picture. */
function drawingsOf(result: Result | undefined): Pick<StudioState, 'map' | 'mapSteps' | 'scores'> {
  return { map: result?.fusionMap, mapSteps: result?.fusionMap.steps ?? 0, scores: result?.scores ?? [] };
}
