import { guidedDenoiser, GUIDED } from '../../shared/fusion/guided.ts';
import { COMPONENTS, type Component } from '../../shared/lora/lora.ts';
import { type BlobRef, type GraphEntry, type ModelEntry, TEXT_ENCODERS } from '../../shared/manifest.ts';
import type { EngineEvent } from '../../shared/protocol.ts';
import { DeviceLatents } from './device-latents.ts';
import type { FusionNeeds } from './fusion-needs.ts';
import { type FusionNeed, LoadedGraph, type LoadOptions } from './loaded-graph.ts';
import type { Runtime } from './sessions/runtime.ts';
import { throwIfCancelled } from './weights/retry.ts';

export type GraphName = keyof ModelEntry['graphs'];

/** In this order their sessions are made. */
const GRAPHS: readonly GraphName[] = [...TEXT_ENCODERS, 'denoiser', 'decoder'];

/** The part of a LoRA that changes a graph; undefined where none can. */
export const componentOf = (graph: GraphName): Component | undefined => COMPONENTS.find((component) => component === graph);

/** One model's sessions: made when first needed, kept while they can do what the next run needs. */
export class Pipeline {
  readonly model: ModelEntry;
  readonly latents: DeviceLatents;
  readonly #runtime: Runtime;
  readonly #graphs = new Map<GraphName, LoadedGraph>();

  constructor(runtime: Runtime, model: ModelEntry) {
    this.model = model;
    this.#runtime = runtime;
    const { channels, height, width } = model.latent;
    this.latents = new DeviceLatents(runtime, [1, channels, height, width]);
  }

  /** The graphs for which a run with `needs` must make a new session. Without `needs`: those that have none at all. */
  unready(needs: FusionNeeds = {}): GraphName[] {
    return GRAPHS.filter((name) => this.model.graphs[name] && !this.#graphs.get(name)?.covers(needOf(needs, name)));
  }

  /** The files of those graphs. */
  blobs(names: readonly GraphName[]): BlobRef[] {
    return names.flatMap((name) => [this.#entry(name).topology, ...this.#entry(name).weights]);
  }

  /**
   * Makes the sessions of `names`, one after another. The bytes of each leave `blobs` when its session is there.
   *
   * @throws `cancelled` between two sessions, and what `LoadedGraph.load` throws
   */
  async load(
    names: readonly GraphName[],
    needs: FusionNeeds,
    blobs: Map<string, Uint8Array>,
    onEvent: (event: EngineEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    for (const [index, name] of names.entries()) {
      throwIfCancelled(signal);
      onEvent({ type: 'session', graph: name, index, count: names.length });
      await this.#unload(name);
      const options = { name: `${this.model.id} ${name}`, ...needOf(needs, name), ...LOADING[name] };
      this.#graphs.set(name, await LoadedGraph.load(this.#runtime, this.#entry(name), blobs, options));
      const later = new Set(this.blobs(names.slice(index + 1)).map((ref) => ref.sha256));
      for (const { sha256 } of this.blobs([name])) if (!later.has(sha256)) blobs.delete(sha256);
    }
  }

  graph(name: GraphName): LoadedGraph {
    return this.#graphs.get(name)!;
  }

  async close(): Promise<void> {
    await this.latents.close();
    for (const name of GRAPHS) await this.#unload(name);
  }

  #entry(name: GraphName): GraphEntry {
    return this.model.graphs[name]!;
  }

  async #unload(name: GraphName): Promise<void> {
    const graph = this.#graphs.get(name);
    this.#graphs.delete(name);
    await graph?.close();
  }
}

/** A graph that no LoRA changes is as it is. */
function needOf(needs: FusionNeeds, name: GraphName): FusionNeed {
  const component = componentOf(name);
  return (component && needs[component]) ?? { modules: [], form: { applies: true } };
}

const LOADING: Partial<Record<GraphName, Pick<LoadOptions, 'wrap' | 'onDevice'>>> = {
  denoiser: { wrap: guidedDenoiser, onDevice: () => [GUIDED.x0] },
};
