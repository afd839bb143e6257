import { type SamplerRun, throwIfAborted } from './sampler-run.ts';

/**
 * DDIM with eta = 0 (Song et al. 2021, arXiv 2010.02502, equation 12). In x = x0 + sigma noise it is Euler's method:
 * x' = x0 + (sigma' / sigma) (x - x0). Returns the variance-preserving latent that the decoder takes.
 */
export async function ddim<L>({ space, denoise, schedule, x: start, onStep, signal }: SamplerRun<L>): Promise<L> {
  const { timesteps, sigmas, targets } = schedule;
  let x = start;
  try {
    for (const [step, timestep] of timesteps.entries()) {
      throwIfAborted(signal);
      const sigma = sigmas[step]!;
      const target = targets[step]!;
      const ratio = target / sigma;
      const scale = carryOver(target, sigmas[step + 1]);
      const x0 = await denoise(x, sigma, timestep);
      const next = await space
        .combine([
          [scale * (1 - ratio), x0],
          [scale * ratio, x],
        ])
        .finally(() => space.release(x0));
      space.release(x);
      x = next;
      onStep?.(step);
    }
    return x;
  } catch (error) {
    space.release(x);
    throw error;
  }
}

/**
 * What is carried from step to step is the variance-preserving latent x / sqrt(1 + sigma^2): the next step reads it at its own sigma,
 * and after the last one (`next` undefined) it is the result.
 */
function carryOver(target: number, next: number | undefined): number {
  return Math.sqrt((1 + (next ?? 0) ** 2) / (1 + target ** 2));
}
