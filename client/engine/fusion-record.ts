import { FUSION } from '../../shared/fusion/interface.ts';
import type { FusionMap } from '../../shared/protocol.ts';
import type { LoadedGraph } from './loaded-graph.ts';
import type { Runtime, RuntimeTensor } from './sessions/runtime.ts';

/** One step's KL pairs [layers, 2] and choices [layers] (0 subject, 1 style). */
export interface StepChoices {
  kl: Float32Array;
  choice: Uint8Array;
}

/** Collects the choices of a run, step by step, for the layers that its LoRAs change (a session may have more). */
export class FusionRecord {
  readonly #modules: string[];
  readonly #rows: number[];
  readonly #steps: StepChoices[] = [];

  constructor(denoiser: LoadedGraph, touched: readonly string[]) {
    const wanted = new Set(touched);
    this.#rows = [...denoiser.layers.keys()].filter((row) => wanted.has(denoiser.layers[row]!.module));
    this.#modules = this.#rows.map((row) => denoiser.layers[row]!.module);
  }

  /** Reads and releases the fusion outputs of one run of the denoiser. */
  async add(runtime: Runtime, outputs: Readonly<Record<string, RuntimeTensor>>): Promise<void> {
    const [kl, gates] = await Promise.all([FUSION.kl, FUSION.choice].map((name) => take(runtime, outputs[name])));
    this.#steps.push({
      kl: Float32Array.from(this.#rows.flatMap((row) => [kl![row * 2]!, kl![row * 2 + 1]!])),
      choice: Uint8Array.from(this.#rows, (row) => (gates![row * 2 + 1]! > gates![row * 2]! ? 1 : 0)),
    });
  }

  get latest(): StepChoices {
    return this.#steps.at(-1)!;
  }

  map(): FusionMap {
    const layers = this.#modules.length;
    const steps = this.#steps.length;
    const kl = new Float32Array(steps * layers * 2);
    const choice = new Uint8Array(steps * layers);
    for (const [step, choices] of this.#steps.entries()) {
      kl.set(choices.kl, step * layers * 2);
      choice.set(choices.choice, step * layers);
    }
    return { modules: this.#modules, steps, kl, choice };
  }
}

/** Without LoRAs the graph has no such outputs. */
async function take(runtime: Runtime, tensor: RuntimeTensor | undefined): Promise<Float32Array> {
  if (!tensor) return new Float32Array();
  const values = await runtime.read(tensor);
  runtime.release(tensor);
  return values;
}
