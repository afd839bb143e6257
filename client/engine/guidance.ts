import type { BlobRef } from '../../shared/manifest.ts';
import type { EngineEvent } from '../../shared/protocol.ts';
import { GuidanceNetwork } from './guidance-network.ts';
import { guidanceBlobs, guidanceKey, type GuidancePlan } from './guidance-plan.ts';
import { GuidanceReferences } from './guidance-references.ts';
import { GuidanceRun } from './guidance-run.ts';
import type { Pipeline } from './pipeline.ts';
import type { Runtime } from './sessions/runtime.ts';

/** Metric guidance of one loaded model: its network is kept while the next run's plan is alike. */
export class Guidance {
  readonly #runtime: Runtime;
  readonly #pipeline: Pipeline;
  readonly #references = new GuidanceReferences();
  #loaded: { key: string; network: GuidanceNetwork } | undefined;

  constructor(runtime: Runtime, pipeline: Pipeline) {
    this.#runtime = runtime;
    this.#pipeline = pipeline;
  }

  /** The files that `begin` reads. */
  blobs(plan: GuidancePlan): BlobRef[] {
    const network = this.#loaded?.key === guidanceKey(plan) ? [] : guidanceBlobs(plan);
    return [...network, ...this.#references.blobs(plan)];
  }

  /** The guidance of one run. */
  async begin(
    plan: GuidancePlan,
    steps: number,
    blobs: ReadonlyMap<string, Uint8Array>,
    onEvent: (event: EngineEvent) => void,
  ): Promise<GuidanceRun> {
    const network = await this.#network(plan, blobs, onEvent);
    const references = await this.#references.embed(this.#runtime, plan, blobs);
    return new GuidanceRun(network, plan, references, steps);
  }

  async close(): Promise<void> {
    const network = this.#loaded?.network;
    this.#loaded = undefined;
    await network?.close();
  }

  async #network(
    plan: GuidancePlan,
    blobs: ReadonlyMap<string, Uint8Array>,
    onEvent: (event: EngineEvent) => void,
  ): Promise<GuidanceNetwork> {
    const key = guidanceKey(plan);
    if (this.#loaded?.key === key) return this.#loaded.network;
    onEvent({ type: 'session', graph: 'guidance', index: 0, count: 1 });
    await this.close();
    const { model, latents } = this.#pipeline;
    const network = await GuidanceNetwork.load(this.#runtime, model, plan, blobs, latents);
    this.#loaded = { key, network };
    return network;
  }
}
