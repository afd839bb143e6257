import type { FusionMap, GenerateRequest, GenerateResult, Scores, Timings } from '../../shared/protocol.ts';
import { gaussianNoise } from '../sampler/noise.ts';
import { withRefinement } from '../sampler/refinement.ts';
import { SAMPLER_OF } from '../sampler/samplers.ts';
import type { Schedule } from '../sampler/schedule.ts';
import { bindRule } from './bind-rule.ts';
import { makeDenoiser } from './denoiser.ts';
import type { GuidanceRun } from './guidance-run.ts';
import { FusionRun } from './fusion-run.ts';
import { Previews } from './previews.ts';
import { encodePrompts, type PromptFeeds, type PromptParts, releasePrompts } from './prompts.ts';
import { toRgba } from './rgba.ts';
import type { RuntimeTensor } from './sessions/runtime.ts';
import { stepSecondsLeft } from './time-left.ts';

export interface GenerationParts extends PromptParts {
  schedule: Schedule;
  guidance: GuidanceRun | undefined;
  now: () => number;
  signal: AbortSignal;
}

export interface Generated {
  image: GenerateResult['image'];
  fusionMap: FusionMap;
  scores?: Scores[];
  timings: Pick<Timings, 'textMs' | 'stepMs' | 'decodeMs'>;
}

/** One picture, by a pipeline whose sessions are ready: encode the prompts, sample, decode. Every tensor it makes is released, however it ends. */
export async function generatePicture(parts: GenerationParts, request: GenerateRequest): Promise<Generated> {
  const { now, onEvent, pipeline } = parts;
  const started = now();
  const prompts = await encodePrompts(parts, request);
  const encoded = now();
  try {
    const { latent, fusionMap, stepMs } = await sample(parts, request, prompts);
    const sampled = now();
    const scores = parts.guidance && [...parts.guidance.scores, await parts.guidance.measure(latent)];
    onEvent({ type: 'decode' });
    const image = await decode(parts, latent);
    return { image, fusionMap, ...(scores ? { scores } : {}), timings: { textMs: encoded - started, stepMs, decodeMs: now() - sampled } };
  } finally {
    releasePrompts(parts.runtime, prompts);
    pipeline.latents.releaseAll();
  }
}

interface Sampled {
  latent: RuntimeTensor;
  fusionMap: FusionMap;
  stepMs: number[];
}

async function sample(parts: GenerationParts, request: GenerateRequest, prompts: PromptFeeds[][]): Promise<Sampled> {
  const { runtime, pipeline, schedule, guidance, rule, now, onEvent, signal } = parts;
  const { latents } = pipeline;
  const graph = pipeline.graph('denoiser');
  const fusion = new FusionRun(graph, bindRule(parts, request, 'denoiser'), rule.every);
  const stepMs: number[] = [];
  let last = now();
  const show = async (x0: RuntimeTensor) => onEvent({ type: 'preview', image: await decode(parts, x0) });
  const previews = request.preview ? new Previews({ steps: request.steps, now, show }) : undefined;
  const onStep = () => {
    stepMs.push(now() - last - (previews?.endStep() ?? 0));
    last = now();
    const scores = guidance?.endStep();
    onEvent({
      type: 'step',
      step: stepMs.length,
      steps: request.steps,
      secondsLeft: stepSecondsLeft(stepMs, request.steps - stepMs.length),
      ...fusion.endStep(),
      ...(scores ? { scores } : {}),
    });
  };
  const unguided = makeDenoiser({
    runtime,
    graph,
    latents,
    prediction: schedule.prediction,
    guidanceScale: request.guidanceScale,
    fusion,
    conditioning: (pass) => prompts[stepMs.length]![pass % prompts[0]!.length]!,
  });
  const guided = guidance
    ? withRefinement(
        unguided,
        latents,
        (x0) => guidance.refine(x0),
        () => guidance.iterations,
      )
    : unguided;
  const x = latents.upload(unitNoise(parts, request, 0).map((value) => value * schedule.initialScale));
  const noise = (step: number) => latents.upload(unitNoise(parts, request, step + 1));
  const latent = await SAMPLER_OF[schedule.sampler]({
    space: latents,
    denoise: previews?.watch(guided) ?? guided,
    schedule,
    x,
    noise,
    onStep,
    signal,
  });
  return { latent, fusionMap: fusion.map(), stepMs };
}

/** Of one seed: stream 0 starts the run, stream i + 1 is step i's. */
function unitNoise({ pipeline }: GenerationParts, { seed }: GenerateRequest, stream: number): Float32Array {
  const { channels, height, width } = pipeline.model.latent;
  return gaussianNoise(seed, channels * height * width, stream);
}

/** The picture of a latent, which the caller keeps. */
async function decode({ runtime, pipeline }: GenerationParts, latent: RuntimeTensor): Promise<GenerateResult['image']> {
  const { model, latents } = pipeline;
  const graph = pipeline.graph('decoder');
  const { channels, height: rows, width: columns, scalingFactor, shiftFactor = 0 } = model.latent;
  const terms: [number, RuntimeTensor][] = [[1 / scalingFactor, latent]];
  if (shiftFactor !== 0) terms.push([shiftFactor, latents.upload(new Float32Array(channels * rows * columns).fill(1))]);
  const scaled = await latents.combine(terms);
  const outputs = await graph.session.run({ [graph.inputs[0]!.name]: scaled });
  for (const [, term] of terms.slice(1)) latents.release(term);
  latents.release(scaled);
  const decoded = outputs[graph.outputs[0]!.name]!;
  const planes = await runtime.read(decoded);
  runtime.release(decoded);
  const { width, height } = model.image;
  return { width, height, data: toRgba(planes, width, height) };
}
