import { RULE_OF } from '../../shared/fusion/rules/rules.ts';
import type { BoundRule } from '../../shared/fusion/rules/rule.ts';
import type { Component } from '../../shared/lora/lora.ts';
import type { SettledRule } from '../../shared/rules.ts';
import type { Tokenizer } from '../../shared/text/tokenizer.ts';
import type { EngineEvent, FusionMap, GenerateRequest, GenerateResult, Timings } from '../../shared/protocol.ts';
import { ddim } from '../sampler/ddim.ts';
import { gaussianNoise } from '../sampler/noise.ts';
import { initialScale } from '../sampler/scalings.ts';
import type { Schedule } from '../sampler/schedule.ts';
import { makeDenoiser } from './denoiser.ts';
import { FusionRun } from './fusion-run.ts';
import type { Adapters } from './adapters.ts';
import type { Pipeline } from './pipeline.ts';
import { toRgba } from './rgba.ts';
import type { Runtime, RuntimeTensor } from './sessions/runtime.ts';
import { stepSecondsLeft } from './time-left.ts';

export interface GenerationParts {
  runtime: Runtime;
  pipeline: Pipeline;
  tokenizer: Tokenizer;
  adapters: Adapters;
  rule: SettledRule;
  schedule: Schedule;
  now: () => number;
  onEvent: (event: EngineEvent) => void;
  signal: AbortSignal;
}

export interface Generated {
  image: GenerateResult['image'];
  fusionMap: FusionMap;
  timings: Pick<Timings, 'textMs' | 'stepMs' | 'decodeMs'>;
}

/** One picture, by a pipeline whose sessions are ready: encode the prompts, sample, decode. Every tensor it makes is released, however it ends. */
export async function generatePicture(parts: GenerationParts, request: GenerateRequest): Promise<Generated> {
  const { now, onEvent, pipeline } = parts;
  const started = now();
  const embeddings = await encodePrompts(parts, request);
  const encoded = now();
  try {
    const { latent, fusionMap, stepMs } = await sample(parts, request, embeddings);
    const sampled = now();
    onEvent({ type: 'decode' });
    const image = await decode(parts, latent);
    return { image, fusionMap, timings: { textMs: encoded - started, stepMs, decodeMs: now() - sampled } };
  } finally {
    for (const embedding of new Set(embeddings.flat())) parts.runtime.release(embedding);
    pipeline.latents.releaseAll();
  }
}

/** The request's rule, bound to the LoRAs of one graph. */
function bindRule({ pipeline, adapters, rule }: GenerationParts, request: GenerateRequest, component: Component): BoundRule {
  const pair = { ...adapters[component], strengths: request.strengths };
  const modules = pipeline.graph(component).layers.map((layer) => layer.module);
  return RULE_OF[request.rule]({ component, pair, modules, steps: request.steps, settings: rule });
}

/** The prompts' embeddings for every pass of every step; steps that the rule encodes alike share theirs. */
async function encodePrompts(parts: GenerationParts, request: GenerateRequest): Promise<RuntimeTensor[][]> {
  const rule = bindRule(parts, request, 'textEncoder');
  const byTextStep = new Map<number, Promise<RuntimeTensor[]>>();
  const steps = Array.from({ length: request.steps }, (_, step) =>
    parts.pipeline.graph('textEncoder').layers.length > 0 ? rule.textStep(step) : 0,
  );
  for (const step of steps) if (!byTextStep.has(step)) byTextStep.set(step, encodeAt(parts, request, rule, step));
  return Promise.all(steps.map((step) => byTextStep.get(step)!));
}

/** [2, tokens, width] on the device for each pass of `step`: the negative prompt's embedding, then the prompt's. */
async function encodeAt(
  { runtime, pipeline, tokenizer }: GenerationParts,
  request: GenerateRequest,
  rule: BoundRule,
  step: number,
): Promise<RuntimeTensor[]> {
  const graph = pipeline.graph('textEncoder');
  const ids = [request.negativePrompt ?? '', request.prompt].flatMap((prompt) => tokenizer.encode(prompt).ids);
  const input = graph.inputs[0]!;
  const dims = [2, ids.length / 2];
  const tokens =
    input.type.dataType === 'int64' ? runtime.host(BigInt64Array.from(ids, BigInt), dims) : runtime.host(Int32Array.from(ids), dims);
  const fusion = new FusionRun(graph, { ...rule, passes: () => rule.passes(step) }, 1);
  const embeddings: RuntimeTensor[] = [];
  for (const pass of fusion.passes()) {
    const outputs = await graph.session.run({ [input.name]: tokens, ...pass.feeds });
    const [first, ...others] = graph.outputs.map((output) => outputs[output.name]!);
    for (const other of others) runtime.release(other);
    embeddings.push(first!);
  }
  return embeddings;
}

interface Sampled {
  latent: RuntimeTensor;
  fusionMap: FusionMap;
  stepMs: number[];
}

async function sample(parts: GenerationParts, request: GenerateRequest, embeddings: RuntimeTensor[][]): Promise<Sampled> {
  const { runtime, pipeline, schedule, rule, now, onEvent, signal } = parts;
  const { latents } = pipeline;
  const graph = pipeline.graph('denoiser');
  const fusion = new FusionRun(graph, bindRule(parts, request, 'denoiser'), rule.every);
  const stepMs: number[] = [];
  let last = now();
  const onStep = () => {
    stepMs.push(now() - last);
    last = now();
    onEvent({
      type: 'step',
      step: stepMs.length,
      steps: request.steps,
      secondsLeft: stepSecondsLeft(stepMs, request.steps - stepMs.length),
      ...fusion.endStep(),
    });
  };
  const denoise = makeDenoiser({
    runtime,
    graph,
    latents,
    prediction: schedule.prediction,
    guidanceScale: request.guidanceScale,
    fusion,
    conditioning: (pass) => ({ encoder_hidden_states: embeddings[stepMs.length]![pass % embeddings[0]!.length]! }),
  });
  const x = latents.upload(initialNoise(parts, request));
  const latent = await ddim({ space: latents, denoise, schedule, x, onStep, signal });
  return { latent, fusionMap: fusion.map(), stepMs };
}

function initialNoise({ pipeline, schedule }: GenerationParts, { seed }: GenerateRequest): Float32Array {
  const { channels, height, width } = pipeline.model.latent;
  const scale = initialScale(schedule);
  return gaussianNoise(seed, channels * height * width).map((value) => value * scale);
}

async function decode({ runtime, pipeline }: GenerationParts, latent: RuntimeTensor): Promise<GenerateResult['image']> {
  const { model, latents } = pipeline;
  const graph = pipeline.graph('decoder');
  const scaled = await latents.combine([[1 / model.latent.scalingFactor, latent]]);
  const outputs = await graph.session.run({ [graph.inputs[0]!.name]: scaled });
  const planes = await runtime.read(outputs[graph.outputs[0]!.name]!);
  const { width, height } = model.image;
  return { width, height, data: toRgba(planes, width, height) };
}
