import { type GuidanceDecoder, GUIDANCE, guidanceGraph, type Metric } from '../../shared/guidance/guidance-graph.ts';
import type { GraphEntry, ModelEntry } from '../../shared/manifest.ts';
import { readModel } from '../../shared/onnx/read.ts';
import type { Scores } from '../../shared/protocol.ts';
import type { DeviceLatents } from './device-latents.ts';
import type { GuidancePlan } from './guidance-plan.ts';
import { LoadedGraph } from './loaded-graph.ts';
import type { Runtime, RuntimeTensor } from './sessions/runtime.ts';

/** What tells one guidance network from another. */
export const guidanceKey = ({ decoder, metrics }: GuidancePlan): string => [decoder.kind, ...metrics.map(({ name }) => name)].join(' ');

/** Decoder, encoders and their gradients as one session: x0 to a better x0 and its scores. */
export class GuidanceNetwork {
  readonly #graph: LoadedGraph;
  readonly #latents: DeviceLatents;

  constructor(graph: LoadedGraph, latents: DeviceLatents) {
    this.#graph = graph;
    this.#latents = latents;
  }

  /**
   * Builds the gradient graph from the prepared networks; their weights are not touched.
   *
   * @throws `onnx_malformed`, `graph_unsupported`, `session_failed`
   */
  static async load(
    runtime: Runtime,
    { id, latent }: ModelEntry,
    { decoder, metrics }: GuidancePlan,
    blobs: ReadonlyMap<string, Uint8Array>,
    latents: DeviceLatents,
  ): Promise<GuidanceNetwork> {
    const read = ({ topology }: GraphEntry) => readModel(blobs.get(topology.sha256)!, `${id} guidance (${topology.sha256})`);
    const vae = decoder.kind === 'vae';
    const decoding: GuidanceDecoder = {
      model: read(decoder.graph),
      inputScale: vae ? 1 / latent.scalingFactor : 1,
      inputShift: vae ? (latent.shiftFactor ?? 0) : 0,
      range: vae ? 'minus one to one' : 'zero to one',
    };
    const scoring = metrics.map(({ name, encoder }): Metric => ({
      name,
      encoder: read(encoder.graph),
      preprocessing: encoder.preprocessing,
    }));
    const model = guidanceGraph(decoding, scoring);
    model.graph.outputs = model.graph.outputs.filter(({ name }) => name !== GUIDANCE.direction);
    const shards = [decoder.graph, ...metrics.map(({ encoder }) => encoder.graph)].flatMap(({ weights }) => weights);
    const weights = [...new Map(shards.map(({ path, sha256 }) => [path, { path, data: blobs.get(sha256)! }])).values()];
    const options = { name: `${id} guidance`, modules: [], form: { applies: true }, onDevice: () => [GUIDANCE.guided] };
    return new GuidanceNetwork(await LoadedGraph.of(runtime, model, weights, options), latents);
  }

  /** A new latent x0 - eta g, and how near x0 was to each reference. The caller keeps x0. */
  async refine(
    x0: RuntimeTensor,
    eta: number,
    metrics: Readonly<Record<string, MetricFeed>>,
  ): Promise<{ x0: RuntimeTensor; scores: Scores }> {
    const { runtime, session } = this.#graph;
    const feeds: Record<string, RuntimeTensor> = { [GUIDANCE.x0]: x0, [GUIDANCE.eta]: runtime.host(Float32Array.of(eta), [1]) };
    for (const [name, { weight, reference }] of Object.entries(metrics)) {
      feeds[GUIDANCE.weight(name)] = runtime.host(Float32Array.of(weight), [1]);
      feeds[GUIDANCE.reference(name)] = runtime.host(reference, [1, reference.length]);
    }
    const outputs = await session.run(feeds);
    const guided = this.#latents.adopt(outputs[GUIDANCE.guided]!);
    const scores: Scores = {};
    for (const name of Object.keys(metrics)) {
      const score = outputs[GUIDANCE.score(name)]!;
      scores[name as keyof Scores] = (await runtime.read(score))[0]!;
      runtime.release(score);
    }
    return { x0: guided, scores };
  }

  close(): Promise<void> {
    return this.#graph.close();
  }
}

export interface MetricFeed {
  weight: number;
  reference: Float32Array;
}
