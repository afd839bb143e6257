import { DiptychError } from '../../shared/errors.ts';
import type { LatentSpace } from './latent-space.ts';
import type { Schedule } from './schedule.ts';

/** The one contract of a model: the clean latent that it sees in x = x0 + sigma noise. The caller keeps x. */
export type Denoise<L> = (x: L, sigma: number, timestep: number) => Promise<L>;

export interface SamplerRun<L> {
  space: LatentSpace<L>;
  denoise: Denoise<L>;
  schedule: Schedule;
  /** Noise times `initialScale(schedule)`. The sampler releases it, however it ends. */
  x: L;
  /** After each step, counted from 0. */
  onStep?: (step: number) => void;
  /** Looked at between steps. */
  signal?: AbortSignal;
}

/** @throws DiptychError `cancelled` */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new DiptychError('cancelled', 'sampling was cancelled', {}, { cause: signal.reason });
}
