import type { LatentSpace } from './latent-space.ts';
import type { Schedule } from './schedule.ts';

/** The one contract of a model: the clean latent that it sees in x at noise level sigma. The caller keeps x. */
export type Denoise<L> = (x: L, sigma: number, timestep: number) => Promise<L>;

export interface SamplerRun<L> {
  space: LatentSpace<L>;
  denoise: Denoise<L>;
  schedule: Schedule;
  /** Unit noise times `schedule.initialScale`. The sampler releases it, however it ends. */
  x: L;
  /** After each step, counted from 0. */
  onStep?: (step: number) => void;
  /** Looked at between steps. */
  signal?: AbortSignal;
}

/** Of a sampler that adds noise on its way. */
export interface StochasticRun<L> extends SamplerRun<L> {
  /** Fresh noise of unit variance for a step; the sampler releases it. */
  noise: (step: number) => L;
}
