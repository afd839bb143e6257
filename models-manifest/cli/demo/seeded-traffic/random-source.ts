import { philox } from '../../../../client/sampler/noise.ts';

/** Random numbers that are the same for the same seed and stream; both unsigned 32-bit. */
export class RandomSource {
  readonly #key: readonly [number, number];
  #block = 0;
  #left: number[] = [];

  constructor(seed: number, stream = 0) {
    this.#key = [seed >>> 0, stream >>> 0];
  }

  #word(): number {
    if (this.#left.length === 0) this.#left = philox([this.#block++, 0, 0, 0], this.#key);
    return this.#left.pop()!;
  }

  /** In [0, 1). */
  uniform(): number {
    return this.#word() / 2 ** 32;
  }

  /** From N(0, 1) (Box & Muller 1958). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Log-normal: half of the numbers lie below `median`; `sigma` is the standard deviation of their logarithm. */
  logNormal(median: number, sigma: number): number {
    return median * Math.exp(sigma * this.normal());
  }

  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  /** One of `choices`, each as likely as its weight is large. */
  pick<T extends { weight: number }>(choices: readonly T[]): T {
    let left = this.uniform() * choices.reduce((sum, { weight }) => sum + weight, 0);
    return choices.find(({ weight }) => (left -= weight) < 0) ?? choices.at(-1)!;
  }

  /** A version 4 UUID (RFC 9562, section 5.4). */
  uuid(): string {
    const hex = Array.from({ length: 4 }, () => this.#word().toString(16).padStart(8, '0')).join('');
    const variant = '89ab'[Math.floor(this.uniform() * 4)];
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
  }
}
