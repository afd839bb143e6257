import type { Tokenizer } from '../../shared/text/tokenizer.ts';
import type { EngineEvent, FusionMap, GenerateRequest, GenerateResult, Timings } from '../../shared/protocol.ts';
import { ddim } from '../sampler/ddim.ts';
import { gaussianNoise } from '../sampler/noise.ts';
import { initialScale } from '../sampler/scalings.ts';
import type { Schedule } from '../sampler/schedule.ts';
import { makeDenoiser } from './denoiser.ts';
import { FusionRecord } from './fusion-record.ts';
import { type Adapters, type Pipeline, touchedModules } from './pipeline.ts';
import { toRgba } from './rgba.ts';
import { RULE_DECISIONS } from './rule-decisions.ts';
import type { Runtime, RuntimeTensor } from './sessions/runtime.ts';
import { stepSecondsLeft } from './time-left.ts';

export interface GenerationParts {
  runtime: Runtime;
  pipeline: Pipeline;
  tokenizer: Tokenizer;
  adapters: Adapters;
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
    parts.runtime.release(embeddings);
    pipeline.latents.releaseAll();
  }
}

/** [2, tokens, width] on the device: the negative prompt's embedding, then the prompt's. */
async function encodePrompts(
  { runtime, pipeline, tokenizer, adapters }: GenerationParts,
  request: GenerateRequest,
): Promise<RuntimeTensor> {
  const graph = pipeline.graph('textEncoder');
  const ids = [request.negativePrompt ?? '', request.prompt].flatMap((prompt) => tokenizer.encode(prompt).ids);
  const input = graph.inputs[0]!;
  const dims = [2, ids.length / 2];
  const tokens =
    input.type.dataType === 'int64' ? runtime.host(BigInt64Array.from(ids, BigInt), dims) : runtime.host(Int32Array.from(ids), dims);
  const fusion = graph.fusionFeeds({
    adapters: adapters.textEncoder,
    strengths: request.strengths,
    decision: RULE_DECISIONS[request.rule],
  });
  const outputs = await graph.session.run({ [input.name]: tokens, ...fusion });
  const [first, ...others] = graph.outputs.map((output) => outputs[output.name]!);
  for (const other of others) runtime.release(other);
  return first!;
}

interface Sampled {
  latent: RuntimeTensor;
  fusionMap: FusionMap;
  stepMs: number[];
}

async function sample(parts: GenerationParts, request: GenerateRequest, embeddings: RuntimeTensor): Promise<Sampled> {
  const { runtime, pipeline, schedule, adapters, now, onEvent, signal } = parts;
  const { model, latents } = pipeline;
  const graph = pipeline.graph('denoiser');
  const record = new FusionRecord(graph, touchedModules(model, adapters, 'denoiser'));
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
      ...record.latest,
    });
  };
  const fusion = graph.fusionFeeds({ adapters: adapters.denoiser, strengths: request.strengths, decision: RULE_DECISIONS[request.rule] });
  const denoise = makeDenoiser({
    runtime,
    graph,
    latents,
    prediction: schedule.prediction,
    guidanceScale: request.guidanceScale,
    feeds: { ...fusion, encoder_hidden_states: embeddings },
    async onOutputs(outputs) {
      await record.add(runtime, outputs);
      await runtime.idle();
    },
  });
  const x = latents.upload(initialNoise(parts, request));
  const latent = await ddim({ space: latents, denoise, schedule, x, onStep, signal });
  return { latent, fusionMap: record.map(), stepMs };
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
