import type { StochasticRun } from './sampler-run.ts';
import { spend, walk } from './walk.ts';

/**
 * Ancestral sampling by Euler steps (Ho et al. 2020, arXiv 2006.11239, equation 7, in x = x0 + sigma noise): a step down to sigma_down, then
 * fresh noise up to sigma', with up^2 = sigma'^2 (sigma^2 - sigma'^2) / sigma^2 and down^2 = sigma'^2 - up^2.
 */
export function eulerAncestral<L>(run: StochasticRun<L>): Promise<L> {
  const { space, denoise, noise } = run;
  return walk(run, async (x, { index, timestep, sigma, target }) => {
    const up = (target * Math.sqrt(sigma ** 2 - target ** 2)) / sigma;
    const ratio = target ** 2 / sigma ** 2;
    const x0 = await denoise(x, sigma, timestep);
    return spend(space, [x0], async () => {
      const down = [[1 - ratio, x0] as const, [ratio, x] as const];
      if (up === 0) return space.combine(down);
      const fresh = noise(index);
      return spend(space, [fresh], () => space.combine([...down, [up, fresh]]));
    });
  });
}
