import { layerFactors, type LoraPair, type Slot } from '../../shared/fusion/factors.ts';
import type { FusedLayer } from '../../shared/fusion/fuse.ts';
import { factorInput } from '../../shared/fusion/interface.ts';
import type { Runtime, RuntimeTensor } from './sessions/runtime.ts';

type Factors = Readonly<Record<string, RuntimeTensor>>;

/** The factors of one pair of LoRAs on the device: made when a step first asks for them, kept until another pair, or another share of the loser, takes their place. */
export class FactorBuffers {
  readonly #runtime: Runtime;
  readonly #layers: readonly FusedLayer[];
  readonly #known = new Map<string, Factors>();
  #pair: LoraPair | undefined;
  #loser = 0;

  constructor(runtime: Runtime, layers: readonly FusedLayer[]) {
    this.#runtime = runtime;
    this.#layers = layers;
  }

  /** The feeds of all layers, each with the factors that `slotOf` says, and with `loser` of a LoRA beside the one that is named alone. */
  feeds(pair: LoraPair, slotOf: (module: string) => Slot, loser: number): Factors {
    if (!this.#pair || !samePair(this.#pair, pair) || this.#loser !== loser) this.release();
    this.#pair = pair;
    this.#loser = loser;
    return Object.assign({}, ...this.#layers.map((layer) => this.#factors(layer, slotOf(layer.module), pair)));
  }

  release(): void {
    for (const factors of this.#known.values()) for (const tensor of Object.values(factors)) this.#runtime.release(tensor);
    this.#known.clear();
    this.#pair = undefined;
  }

  #factors(layer: FusedLayer, slot: Slot, { subject, style, strengths }: LoraPair): Factors {
    const key = `${slot} ${layer.module}`;
    const known = this.#known.get(key);
    if (known) return known;
    const loras = [subject, style].map((lora) => lora.find(({ module }) => module === layer.module));
    const { down, up } = layerFactors(layer, slot, loras, strengths, this.#loser);
    const factors = {
      [factorInput(layer.module, 'down')]: this.#runtime.upload(down.data, down.dims),
      [factorInput(layer.module, 'up')]: this.#runtime.upload(up.data, up.dims),
    };
    this.#known.set(key, factors);
    return factors;
  }
}

const samePair = (a: LoraPair, b: LoraPair): boolean =>
  a.subject === b.subject && a.style === b.style && a.strengths.every((strength, k) => strength === b.strengths[k]);
