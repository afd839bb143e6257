import { GUIDED } from '../../shared/fusion/guided.ts';
import type { Denoise } from '../sampler/sampler-run.ts';
import { scalings } from '../sampler/scalings.ts';
import type { Prediction } from '../sampler/schedule.ts';
import type { DeviceLatents } from './device-latents.ts';
import type { LoadedGraph } from './loaded-graph.ts';
import type { Runtime, RuntimeTensor } from './sessions/runtime.ts';

export interface DenoiserParts {
  runtime: Runtime;
  /** A fused and guided denoiser. */
  graph: LoadedGraph;
  latents: DeviceLatents;
  prediction: Prediction;
  guidanceScale: number;
  /** What stays the same over all steps: prompt embeddings, LoRA factors, strengths, gates. */
  feeds: Readonly<Record<string, RuntimeTensor>>;
  /** Takes the outputs beside x0 of each call. */
  onOutputs?: (outputs: Readonly<Record<string, RuntimeTensor>>) => Promise<void>;
}

/** `denoise(x, sigma, timestep) -> x0`: one run of the graph a call. Latents stay on the device. */
export function makeDenoiser({
  runtime,
  graph,
  latents,
  prediction,
  guidanceScale,
  feeds,
  onOutputs,
}: DenoiserParts): Denoise<RuntimeTensor> {
  const scalar = (value: number) => runtime.host(Float32Array.of(value), [1]);
  return async (x, sigma, timestep) => {
    const { cIn, cSkip, cOut } = scalings(prediction, sigma);
    const outputs = await graph.session.run({
      ...feeds,
      [GUIDED.x]: x,
      [GUIDED.cIn]: scalar(cIn),
      [GUIDED.cSkip]: scalar(cSkip),
      [GUIDED.cOut]: scalar(cOut),
      [GUIDED.scale]: scalar(guidanceScale),
      timestep: scalar(timestep),
    });
    const x0 = latents.adopt(outputs[GUIDED.x0]!);
    await onOutputs?.(outputs);
    return x0;
  };
}
