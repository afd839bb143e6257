import { controlFeeds, type Decision } from '../../shared/fusion/controls.ts';
import { type Feed, factorFeeds } from '../../shared/fusion/factors.ts';
import { fuse } from '../../shared/fusion/fuse.ts';
import type { LoraLayer } from '../../shared/lora/lora.ts';
import { type GraphEntry, type LayerEntry, LORA_KINDS, type LoraKind } from '../../shared/manifest.ts';
import type { GraphValue, Model } from '../../shared/onnx/ir.ts';
import { padConvChannels } from '../../shared/onnx/pad-conv-channels.ts';
import { readModel } from '../../shared/onnx/read.ts';
import { writeModel } from '../../shared/onnx/write.ts';
import type { Runtime, RuntimeTensor, Session, SessionOptions, WeightData } from './sessions/runtime.ts';

/** The part of one LoRA that belongs to one graph; `key` tells LoRA files apart. */
export interface Adapter {
  key: string;
  layers: readonly LoraLayer[];
}

/** How the LoRAs act in one run. */
export interface FusionSetting {
  adapters: Partial<Record<LoraKind, Adapter>>;
  strengths: readonly [subject: number, style: number];
  decision: Decision;
}

export interface LoadOptions {
  /** For messages: which graph this is. */
  name: string;
  /** Modules that the LoRAs may change. */
  modules: readonly string[];
  /** A rewrite after the fusion: classifier-free guidance around a denoiser. */
  wrap?: (model: Model) => Model;
  /** Which of its outputs stay on the device, told from the graph's own. */
  onDevice?: (outputs: readonly string[]) => string[];
  session?: Pick<SessionOptions, 'strict' | 'onPlacement'>;
}

const ABSENT: Adapter = { key: 'absent', layers: [] };

/** One graph of a model as a session, with both LoRAs fused into some of its layers. */
export class LoadedGraph {
  readonly session: Session;
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  /** The fused layers, one for each row of `fusion.kl`. */
  readonly layers: readonly LayerEntry[];
  readonly #runtime: Runtime;
  readonly #factors = new Map<LoraKind, { key: string; feeds: Record<string, RuntimeTensor> }>();

  private constructor(runtime: Runtime, session: Session, model: Model, layers: readonly LayerEntry[]) {
    this.#runtime = runtime;
    this.session = session;
    this.inputs = model.graph.inputs;
    this.outputs = model.graph.outputs;
    this.layers = layers;
  }

  /**
   * A prepared graph from its files.
   *
   * @throws `onnx_malformed`, `graph_unsupported`, `session_failed`
   */
  static async load(
    runtime: Runtime,
    entry: GraphEntry,
    blobs: ReadonlyMap<string, Uint8Array>,
    options: LoadOptions,
  ): Promise<LoadedGraph> {
    const model = readModel(blobs.get(entry.topology.sha256)!, `${options.name} (${entry.topology.sha256})`);
    const weights = entry.weights.map(({ path, sha256 }) => ({ path, data: blobs.get(sha256)! }));
    return LoadedGraph.of(runtime, model, weights, options);
  }

  /** A normalised graph that is in memory already. */
  static async of(runtime: Runtime, source: Model, weights: readonly WeightData[], options: LoadOptions): Promise<LoadedGraph> {
    const fused = fuse(source, options.modules);
    const model = padConvChannels(options.wrap ? options.wrap(fused.model) : fused.model);
    const outputs = model.graph.outputs.map((output) => output.name);
    const session = await runtime.createSession(writeModel(model), weights, {
      ...options.session,
      onDevice: options.onDevice?.(outputs) ?? [],
    });
    return new LoadedGraph(runtime, session, model, fused.layers);
  }

  /** Whether LoRAs that change `modules` can be fed to this session. */
  covers(modules: readonly string[]): boolean {
    const own = new Set(this.layers.map((layer) => layer.module));
    return modules.every((module) => own.has(module));
  }

  /** Everything that the fused layers read. The factors are uploaded once a LoRA and stay until another takes its place. */
  fusionFeeds({ adapters, strengths, decision }: FusionSetting): Record<string, RuntimeTensor> {
    if (this.layers.length === 0) return {};
    const { subject = ABSENT, style = ABSENT } = adapters;
    const controls = controlFeeds({ layers: this.layers, subject: subject.layers, style: style.layers, strengths, decision });
    return {
      ...Object.fromEntries(controls.map(({ name, data, dims }) => [name, this.#runtime.host(data, dims)])),
      ...this.#factorFeeds('subject', subject),
      ...this.#factorFeeds('style', style),
    };
  }

  #factorFeeds(kind: LoraKind, adapter: Adapter): Record<string, RuntimeTensor> {
    const known = this.#factors.get(kind);
    if (known?.key === adapter.key) return known.feeds;
    this.#releaseFactors(kind);
    const upload = ({ name, data, dims }: Feed) => [name, this.#runtime.upload(data, dims)] as const;
    const feeds = Object.fromEntries(factorFeeds(kind, this.layers, adapter.layers).map(upload));
    this.#factors.set(kind, { key: adapter.key, feeds });
    return feeds;
  }

  #releaseFactors(kind: LoraKind): void {
    for (const tensor of Object.values(this.#factors.get(kind)?.feeds ?? {})) this.#runtime.release(tensor);
    this.#factors.delete(kind);
  }

  async close(): Promise<void> {
    for (const kind of LORA_KINDS) this.#releaseFactors(kind);
    await this.session.release();
  }
}
