import { GUIDED } from '../../shared/fusion/guided.ts';
import type { Denoise } from '../sampler/sampler-run.ts';
import { type Prediction, scalings } from '../sampler/scalings.ts';
import type { DeviceLatents } from './device-latents.ts';
import type { FusionPass, FusionRun } from './fusion-run.ts';
import type { LoadedGraph } from './loaded-graph.ts';
import type { Runtime, RuntimeTensor } from './sessions/runtime.ts';

export interface DenoiserParts {
  runtime: Runtime;
  /** A fused and guided denoiser. */
  graph: LoadedGraph;
  latents: DeviceLatents;
  prediction: Prediction;
  guidanceScale: number;
  fusion: FusionRun;
  /** What pass `index` of the fusion's next step reads of the prompt. */
  conditioning: (index: number) => Readonly<Record<string, RuntimeTensor>>;
}

/** `denoise(x, sigma, timestep) -> x0`: one run of the graph a pass of the fusion; x0 is their mean. Latents stay on the device. */
export function makeDenoiser({
  runtime,
  graph,
  latents,
  prediction,
  guidanceScale,
  fusion,
  conditioning,
}: DenoiserParts): Denoise<RuntimeTensor> {
  const scalar = (value: number) => runtime.host(Float32Array.of(value), [1]);
  const scaled = graph.inputs.some(({ name }) => name === GUIDED.scale);
  return async (x, sigma, timestep) => {
    const { cIn, cSkip, cOut } = scalings(prediction, sigma);
    const feeds = {
      [GUIDED.x]: x,
      [GUIDED.cIn]: scalar(cIn),
      [GUIDED.cSkip]: scalar(cSkip),
      [GUIDED.cOut]: scalar(cOut),
      ...(scaled ? { [GUIDED.scale]: scalar(guidanceScale) } : {}),
      timestep: scalar(timestep),
    };
    const predict = async (pass: FusionPass, index: number): Promise<RuntimeTensor> => {
      const outputs = await graph.session.run({ ...feeds, ...pass.feeds, ...conditioning(index) });
      const x0 = latents.adopt(outputs[GUIDED.x0]!);
      await fusion.observe(pass, outputs);
      return x0;
    };
    const predictions: RuntimeTensor[] = [];
    for (const [index, pass] of fusion.passes().entries()) predictions.push(await predict(pass, index));
    await runtime.idle();
    return predictions.length === 1 ? predictions[0]! : mean(latents, predictions);
  };
}

async function mean(latents: DeviceLatents, terms: readonly RuntimeTensor[]): Promise<RuntimeTensor> {
  const sum = await latents.combine(terms.map((term) => [1 / terms.length, term] as const));
  for (const term of terms) latents.release(term);
  return sum;
}
