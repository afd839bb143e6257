import { DiptychError } from '../../shared/errors.ts';
import type { LatentSpace } from './latent-space.ts';
import type { SamplerRun } from './sampler-run.ts';

/** One step of a sampler. */
export interface Step {
  index: number;
  timestep: number;
  sigma: number;
  target: number;
  /** Whether the run ends with it. */
  last: boolean;
}

/**
 * Takes `run.x` through the schedule: `advance` makes each step's latent from the one before, which is then released, and so is the latest
 * one when a step fails.
 *
 * @throws DiptychError `cancelled` before the next step once `signal` has fired
 */
export async function walk<L>(
  { space, schedule, x: start, onStep, signal }: SamplerRun<L>,
  advance: (x: L, step: Step) => Promise<L>,
): Promise<L> {
  const { timesteps, sigmas, targets } = schedule;
  let x = start;
  try {
    for (const [index, timestep] of timesteps.entries()) {
      if (signal?.aborted) throw new DiptychError('cancelled', 'sampling was cancelled', {}, { cause: signal.reason });
      const last = index === timesteps.length - 1;
      const next = await advance(x, { index, timestep, sigma: sigmas[index]!, target: targets[index]!, last });
      space.release(x);
      x = next;
      onStep?.(index);
    }
    return x;
  } catch (error) {
    space.release(x);
    throw error;
  }
}

/** What `use` makes of latents that are released after it, however it ends. */
export async function spend<L>(space: LatentSpace<L>, latents: readonly L[], use: () => Promise<L>): Promise<L> {
  try {
    return await use();
  } finally {
    for (const latent of latents) space.release(latent);
  }
}
