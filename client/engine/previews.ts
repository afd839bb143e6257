import type { Denoise } from '../sampler/sampler-run.ts';

/** The part of a run's time that its previews may take, once their cost is known. */
const SHARE = 0.15;

/** Steps before the first preview, until which there is nothing to see. */
const BLIND_STEPS = 2;

interface PreviewParts<L> {
  /** Of the run. */
  steps: number;
  /** Milliseconds. */
  now: () => number;
  /** Decodes and shows a clean latent. */
  show: (x0: L) => Promise<void>;
}

/**
 * When a run shows what it sees so far. Decoding takes anything between a part of a step and many steps, by model and device: so it is measured,
 * and kept to a share of the run. The first costs what the end of every run costs anyway.
 */
export class Previews<L> {
  readonly #parts: PreviewParts<L>;
  readonly #started: number;
  #step = 0;
  #shown = 0;
  #spentMs = 0;
  #stepSpentMs = 0;

  constructor(parts: PreviewParts<L>) {
    this.#parts = parts;
    this.#started = parts.now();
  }

  /** `denoise` whose x0 is shown when it is time. */
  watch(denoise: Denoise<L>): Denoise<L> {
    return async (x, sigma, timestep) => {
      const x0 = await denoise(x, sigma, timestep);
      if (this.#due()) await this.#show(x0);
      return x0;
    };
  }

  /** Ends the step. Returns how much of its time, milliseconds, went into its preview. */
  endStep(): number {
    const spentMs = this.#stepSpentMs;
    this.#stepSpentMs = 0;
    this.#step++;
    return spentMs;
  }

  /** Once a step, though some samplers ask the network twice; never in the last, which ends in the picture itself. */
  #due(): boolean {
    const { steps, now } = this.#parts;
    if (this.#stepSpentMs > 0 || this.#step < BLIND_STEPS || this.#step >= steps - 1) return false;
    if (this.#shown === 0) return true;
    const withNext = (this.#spentMs / this.#shown) * (this.#shown + 1);
    return withNext <= SHARE * (now() - this.#started - this.#spentMs);
  }

  async #show(x0: L): Promise<void> {
    const from = this.#parts.now();
    await this.#parts.show(x0);
    const ms = this.#parts.now() - from;
    this.#spentMs += ms;
    this.#stepSpentMs += ms;
    this.#shown++;
  }
}
