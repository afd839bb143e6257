import * as v from 'valibot';
import { asDiptychError, DiptychError } from '../../shared/errors.ts';
import { type BlobRef, type ModelEntry, modelGraphs, modelTexts } from '../../shared/manifest.ts';
import type { EngineApi, EngineEvent, EngineInfo, EngineOptions, GenerateRequest, GenerateResult } from '../../shared/protocol.ts';
import { RuleSettings, type SettledRule, settingsOf } from '../../shared/rules.ts';
import { makeSchedule } from '../sampler/schedule.ts';
import { type AdapterFiles, AdapterReader, adapterRefs } from './adapters.ts';
import { Downloads } from './downloads.ts';
import { generatePicture } from './generation.ts';
import { fusionNeeds } from './fusion-needs.ts';
import type { Guidance } from './guidance.ts';
import { planGuidance } from './guidance-plan.ts';
import { loadCode } from './load-code.ts';
import { Pipeline } from './pipeline.ts';
import { readTokenizers, type Tokenizers } from './prompts.ts';
import type { Runtime } from './sessions/runtime.ts';
import type { BlobSource } from './weights/blob-source.ts';
import { cancelled, throwIfCancelled } from './weights/retry.ts';

/**
 * The most weights that run on WebAssembly. Its memory ends at 4 GiB, in which the weights stand as float32 beside all activations, and a larger
 * model would need minutes a step there.
 */
export const WASM_WEIGHT_LIMIT = 600e6;

/** What the engine does not decide itself: where networks run, where files come from, and what time it is. */
export interface EngineParts {
  openRuntime(backend: EngineOptions['backend']): Promise<Runtime>;
  openBlobs(): Promise<BlobSource>;
  /** Milliseconds. */
  now?: () => number;
}

/** The model that is loaded, and what was read of its files. */
interface LoadedModel {
  pipeline: Pipeline;
  adapters: AdapterReader;
  tokenizers: Tokenizers | undefined;
  guidance: Guidance | undefined;
}

/** Makes pictures, one at a time. The same class runs in the browser's worker and on the command line. */
export class Engine implements EngineApi {
  readonly #openRuntime: EngineParts['openRuntime'];
  readonly #openBlobs: EngineParts['openBlobs'];
  readonly #now: () => number;
  #options: EngineOptions = { backend: 'auto' };
  #runtime: Promise<Runtime> | undefined;
  #blobs: Promise<BlobSource> | undefined;
  #loaded: LoadedModel | undefined;
  #running: AbortController | undefined;

  constructor({ openRuntime, openBlobs, now = () => performance.now() }: EngineParts) {
    this.#openRuntime = openRuntime;
    this.#openBlobs = openBlobs;
    this.#now = now;
  }

  async start(options: EngineOptions): Promise<EngineInfo> {
    if (this.#running) throw busy();
    if (this.#runtime && options.backend !== this.#options.backend) await this.close();
    this.#options = options;
    return (await this.#openedRuntime()).info;
  }

  async missing(blobs: readonly BlobRef[]): Promise<BlobRef[]> {
    return (await this.#openedBlobs()).missing(blobs);
  }

  async generate(request: GenerateRequest, onEvent: (event: EngineEvent) => void): Promise<GenerateResult> {
    if (this.#running) throw busy();
    const run = new AbortController();
    this.#running = run;
    try {
      return await this.#generate(request, onEvent, run.signal);
    } catch (thrown) {
      throw run.signal.aborted ? cancelled() : asDiptychError(thrown);
    } finally {
      this.#running = undefined;
    }
  }

  async cancel(): Promise<void> {
    this.#running?.abort();
  }

  /** Gives back the sessions and the device. The engine opens them again when it is next used. */
  async close(): Promise<void> {
    const runtime = this.#runtime;
    this.#runtime = undefined;
    await this.#unload();
    await (await runtime?.catch(() => undefined))?.close();
  }

  async #generate(request: GenerateRequest, onEvent: (event: EngineEvent) => void, signal: AbortSignal): Promise<GenerateResult> {
    const started = this.#now();
    const runtime = await this.#openedRuntime();
    refuseTooLarge(runtime, request.model);
    refuseGuidanceScale(request);
    const schedule = makeSchedule(request.model.scheduler, request.steps, request);
    const rule = settledRule(request);
    const plan = planGuidance(request);
    const downloads = new Downloads(await this.#openedBlobs(), onEvent, signal, this.#now);
    const loaded = await this.#pipelineOf(runtime, request.model);
    const { pipeline } = loaded;

    // All that is certain to be needed comes first, in one go, so that the progress shown has one total.
    const first = pipeline.unready();
    const files: AdapterFiles = { subject: request.subject, style: request.style };
    const text = loaded.tokenizers ? [] : Object.values(modelTexts(request.model)).map((entry) => entry.tokenizer);
    for (const message of plan?.notes ?? []) onEvent({ type: 'warning', message });
    const guide = plan && { plan, by: await this.#guidanceOf(runtime, loaded) };
    const guides = guide ? guide.by.blobs(guide.plan) : [];
    const blobs = await downloads.fetch(eachOnce([...adapterRefs(files), ...text, ...guides, ...pipeline.blobs(first)]));
    const adapters = loaded.adapters.read(files, blobs);
    loaded.tokenizers ??= readTokenizers(request.model, blobs);
    const needs = fusionNeeds(request.model, adapters, request.rule, rule);
    const names = pipeline.unready(needs);
    const rebuilt = await downloads.fetch(pipeline.blobs(names.filter((name) => !first.includes(name))));
    for (const [sha256, bytes] of rebuilt) blobs.set(sha256, bytes);

    const sessionsFrom = this.#now();
    // Before the pipeline's sessions, which give back the bytes of the decoder's weights.
    const guidance = await guide?.by.begin(guide.plan, request.steps, blobs, onEvent);
    await pipeline.load(names, needs, blobs, onEvent, signal);
    blobs.clear();
    throwIfCancelled(signal);
    const sessionMs = this.#now() - sessionsFrom;
    const { timings, ...picture } = await generatePicture(
      { runtime, pipeline, tokenizers: loaded.tokenizers, adapters, rule, schedule, guidance, now: this.#now, onEvent, signal },
      request,
    );
    return { ...picture, timings: { ...downloads.timings, sessionMs, ...timings, totalMs: this.#now() - started } };
  }

  /** Loads the code of guidance: autodiff and all are a third of the engine, for those who switch it on. */
  async #guidanceOf(runtime: Runtime, loaded: LoadedModel): Promise<Guidance> {
    const { Guidance } = await loadCode(import('./guidance.ts'));
    loaded.guidance ??= new Guidance(runtime, loaded.pipeline);
    return loaded.guidance;
  }

  /** A device that was lost is opened anew; a failure to open one is not remembered. */
  async #openedRuntime(): Promise<Runtime> {
    if ((await this.#runtime)?.lost) await this.close();
    this.#runtime ??= this.#openRuntime(this.#options.backend);
    try {
      return await this.#runtime;
    } catch (thrown) {
      this.#runtime = undefined;
      throw asDiptychError(thrown, 'session_failed');
    }
  }

  #openedBlobs(): Promise<BlobSource> {
    this.#blobs ??= this.#openBlobs();
    return this.#blobs;
  }

  /** The pipeline of `model`; only one model stays loaded. A catalogue may change under the same id, so the whole entry is compared. */
  async #pipelineOf(runtime: Runtime, model: ModelEntry): Promise<LoadedModel> {
    if (JSON.stringify(this.#loaded?.pipeline.model) !== JSON.stringify(model)) await this.#unload();
    this.#loaded ??= {
      pipeline: new Pipeline(runtime, model),
      adapters: new AdapterReader(model),
      tokenizers: undefined,
      guidance: undefined,
    };
    return this.#loaded;
  }

  async #unload(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = undefined;
    await loaded?.guidance?.close();
    await loaded?.pipeline.close();
  }
}

const eachOnce = (refs: readonly BlobRef[]): BlobRef[] => [...new Map(refs.map((ref) => [ref.sha256, ref])).values()];

const busy = (): DiptychError => new DiptychError('engine_busy', 'Another picture is being made; wait for it, or cancel it.');

function settledRule({ rule, ruleSettings }: GenerateRequest): SettledRule {
  const parsed = v.safeParse(RuleSettings, settingsOf(rule, ruleSettings));
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const field = `ruleSettings.${v.getDotPath(issue) ?? '?'}`;
  throw new DiptychError('request_invalid', `${field}: ${issue.message}`, { field });
}

/** Before anything is downloaded. */
function refuseGuidanceScale({ model, guidanceScale }: GenerateRequest): void {
  if (model.batch !== 1 || guidanceScale <= 1) return;
  const reason = `${model.name} takes no classifier-free guidance: set guidanceScale to 1, or prepare the model again with a guidance scale above 1`;
  throw new DiptychError('request_invalid', reason, { field: 'guidanceScale', model: model.id });
}

function refuseTooLarge(runtime: Runtime, model: ModelEntry): void {
  const bytes = modelGraphs(model)
    .flatMap((graph) => graph.weights)
    .reduce((sum, shard) => sum + shard.bytes, 0);
  if (runtime.info.backend !== 'wasm' || bytes <= WASM_WEIGHT_LIMIT) return;
  throw new DiptychError(
    'model_too_large_for_wasm',
    `${model.name} has ${Math.round(bytes / 1e6)} MB of weights; without WebGPU the limit is ${WASM_WEIGHT_LIMIT / 1e6} MB. Use a browser with WebGPU. ${runtime.info.note}`,
    { model: model.id, bytes, limit: WASM_WEIGHT_LIMIT },
  );
}
