import { type FusedForm, formCovers, fuseForm } from '../../shared/fusion/fused-form.ts';
import type { FusedLayer } from '../../shared/fusion/fuse.ts';
import type { GraphEntry } from '../../shared/manifest.ts';
import type { GraphValue, Model } from '../../shared/onnx/ir.ts';
import { padConvChannels } from '../../shared/onnx/pad-conv-channels.ts';
import { readModel } from '../../shared/onnx/read.ts';
import { writeModel } from '../../shared/onnx/write.ts';
import { FactorBuffers } from './factor-buffers.ts';
import type { Runtime, Session, SessionOptions, WeightData } from './sessions/runtime.ts';

/** What a graph must be able to do for a run: modules that the LoRAs may change, and how. */
export interface FusionNeed {
  modules: readonly string[];
  form: FusedForm;
}

export interface LoadOptions extends FusionNeed {
  /** For messages: which graph this is. */
  name: string;
  /** A rewrite after the fusion: classifier-free guidance around a denoiser. */
  wrap?: (model: Model) => Model;
  /** Which of its outputs stay on the device, told from the graph's own. */
  onDevice?: (outputs: readonly string[]) => string[];
  session?: Pick<SessionOptions, 'strict' | 'onPlacement'>;
}

/** One graph of a model as a session, with room for two LoRAs in some of its layers. */
export class LoadedGraph {
  readonly runtime: Runtime;
  readonly session: Session;
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  /** The fused layers, one for each row of `fusion.distances`. */
  readonly layers: readonly FusedLayer[];
  readonly form: FusedForm;
  readonly factors: FactorBuffers;

  private constructor(runtime: Runtime, session: Session, { graph }: Model, layers: readonly FusedLayer[], form: FusedForm) {
    this.runtime = runtime;
    this.session = session;
    this.inputs = graph.inputs;
    this.outputs = graph.outputs;
    this.layers = layers;
    this.form = form;
    this.factors = new FactorBuffers(runtime, layers);
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
    const fused = fuseForm(source, options.modules, options.form);
    const model = padConvChannels(options.wrap ? options.wrap(fused.model) : fused.model);
    const outputs = model.graph.outputs.map((output) => output.name);
    const session = await runtime.createSession(writeModel(model), weights, {
      ...options.session,
      onDevice: options.onDevice?.(outputs) ?? [],
    });
    return new LoadedGraph(runtime, session, model, fused.layers, options.form);
  }

  /** Whether this session can do what a run needs. */
  covers({ modules, form }: FusionNeed): boolean {
    if (modules.length === 0) return true;
    const own = new Set(this.layers.map((layer) => layer.module));
    return formCovers(this.form, form) && modules.every((module) => own.has(module));
  }

  async close(): Promise<void> {
    this.factors.release();
    await this.session.release();
  }
}
