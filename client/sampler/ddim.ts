import type { SamplerRun } from './sampler-run.ts';
import { spend, walk } from './walk.ts';

/**
 * DDIM with eta = 0 (Song et al. 2021, arXiv 2010.02502, equation 12). In x = x0 + sigma noise it is Euler's method:
 * x' = x0 + (sigma' / sigma) (x - x0). Returns the variance-preserving latent that the decoder takes.
 */
export function ddim<L>(run: SamplerRun<L>): Promise<L> {
  const { space, denoise, schedule } = run;
  return walk(run, async (x, { index, timestep, sigma, target }) => {
    const ratio = target / sigma;
    const scale = carryOver(target, schedule.sigmas[index + 1]);
    const x0 = await denoise(x, sigma, timestep);
    return spend(space, [x0], () =>
      space.combine([
        [scale * (1 - ratio), x0],
        [scale * ratio, x],
      ]),
    );
  });
}

/**
 * What is carried from step to step is the variance-preserving latent x / sqrt(1 + sigma^2): the next step reads it at its own sigma,
 * and after the last one (`next` undefined) it is the result.
 */
function carryOver(target: number, next: number | undefined): number {
  return Math.sqrt((1 + (next ?? 0) ** 2) / (1 + target ** 2));
}
