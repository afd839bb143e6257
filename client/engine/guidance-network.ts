import { DiptychError } from '../../shared/errors.ts';
import { type GuidanceDecoder, GUIDANCE, guidanceGraph, type Metric } from '../../shared/guidance/guidance-graph.ts';
import { type MetricName, REFERENCE_OF } from '../../shared/guidance/settings.ts';
import type { GraphEntry, ModelEntry } from '../../shared/manifest.ts';
import type { Model } from '../../shared/onnx/ir.ts';
import { readModel } from '../../shared/onnx/read.ts';
import type { Scores } from '../../shared/protocol.ts';
import type { DeviceLatents } from './device-latents.ts';
import type { GuidancePlan } from './guidance-plan.ts';
import { LoadedGraph } from './loaded-graph.ts';
import type { Runtime, RuntimeTensor } from './sessions/runtime.ts';

/** Decoder, encoders and their gradients as one session: x0 to a better x0 and its scores. */
export class GuidanceNetwork {
  readonly #graph: LoadedGraph;
  readonly #latents: DeviceLatents;
  readonly #metrics: readonly MetricName[];

  /** `metrics`: those of the graph, in its order. */
  constructor(graph: LoadedGraph, latents: DeviceLatents, metrics: readonly MetricName[]) {
    this.#graph = graph;
    this.#latents = latents;
    this.#metrics = metrics;
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
    const models = new Map<string, Model>();
    const read = ({ topology: { sha256 } }: GraphEntry): Model => {
      const model = models.get(sha256) ?? readModel(blobs.get(sha256)!, `${id} guidance (${sha256})`);
      models.set(sha256, model);
      return model;
    };
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
      gramLayer: name === 'gram' ? encoder.gramLayer : undefined,
    }));
    const model = guidanceGraph(decoding, scoring);
    const outputs: readonly string[] = [GUIDANCE.guided, GUIDANCE.scores];
    model.graph.outputs = model.graph.outputs.filter(({ name }) => outputs.includes(name));
    const shards = [decoder.graph, ...metrics.map(({ encoder }) => encoder.graph)].flatMap(({ weights }) => weights);
    const weights = [...new Map(shards.map(({ path, sha256 }) => [path, { path, data: blobs.get(sha256)! }])).values()];
    const options = { name: `${id} guidance`, modules: [], form: { applies: true }, onDevice: () => [...outputs] };
    const names = metrics.map(({ name }) => name);
    return new GuidanceNetwork(await LoadedGraph.of(runtime, model, weights, options), latents, names);
  }

  /**
   * A new latent x0 - eta g, and how near x0 was to each reference, both left on the device. The caller keeps x0, and gives the scores to `read` or
   * `discard`.
   *
   * @throws DiptychError `guidance_unavailable` where a reference is not as wide as what its encoder makes
   */
  async refine(x0: RuntimeTensor, eta: number, feeds: MetricFeeds): Promise<{ x0: RuntimeTensor; scores: RuntimeTensor }> {
    const { runtime, session } = this.#graph;
    const tensors: Record<string, RuntimeTensor> = { [GUIDANCE.x0]: x0, [GUIDANCE.eta]: runtime.host(Float32Array.of(eta), [1]) };
    for (const name of this.#metrics) {
      const { weight, reference } = feeds[name]!;
      this.#expectWidth(name, reference.length);
      tensors[GUIDANCE.weight(name)] = runtime.host(Float32Array.of(weight), [1]);
      tensors[GUIDANCE.reference(name)] = runtime.host(reference, [1, reference.length]);
    }
    const { [GUIDANCE.guided]: guided, [GUIDANCE.scores]: scores } = await session.run(tensors);
    return { x0: this.#latents.adopt(guided!), scores: scores! };
  }

  /** All scores in one read, which waits for the device. */
  async read(scores: RuntimeTensor): Promise<Scores> {
    const values = await this.#graph.runtime.read(scores);
    const read = Object.fromEntries(this.#metrics.map((name, k) => [name, values[k]!]));
    this.discard(scores);
    return read;
  }

  discard(scores: RuntimeTensor): void {
    this.#graph.runtime.release(scores);
  }

  #expectWidth(name: MetricName, width: number): void {
    const input = this.#graph.inputs.find((candidate) => candidate.name === GUIDANCE.reference(name));
    const expected = input?.type.dims?.at(-1);
    if (width === expected) return;
    throw new DiptychError(
      'guidance_unavailable',
      `The reference for ${name} has ${width} numbers, where the model's image encoder makes ${expected}: ${FIX[REFERENCE_OF[name]]}.`,
      { metric: name },
    );
  }

  close(): Promise<void> {
    return this.#graph.close();
  }
}

/** What to do about a reference that another encoder made. */
const FIX = {
  subject: 'add the references of the subject LoRA again, with this model',
  style: 'add the references of the style LoRA again, with this model',
  prompt: 'prepare the model with the text tower of the same CLIP',
} as const;

export interface MetricFeed {
  weight: number;
  /** [width], of any length. */
  reference: Float32Array;
}

/** One for each metric of the graph. */
export type MetricFeeds = Readonly<Partial<Record<MetricName, MetricFeed>>>;
