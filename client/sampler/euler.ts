import type { SamplerRun } from './sampler-run.ts';
import { spend, walk } from './walk.ts';

/**
 * Euler's method for dx/dsigma = (x - x0) / sigma (Karras et al. 2022, arXiv 2206.00364, algorithm 2 without churn):
 * x' = x0 + (sigma' / sigma) (x - x0). In x = (1 - sigma) x0 + sigma noise the same line follows a flow's velocity
 * (Esser et al. 2024, arXiv 2403.03206, section 2), so that this is `flow-euler` too.
 */
export function euler<L>(run: SamplerRun<L>): Promise<L> {
  const { space, denoise } = run;
  return walk(run, async (x, { timestep, sigma, target }) => {
    const ratio = target / sigma;
    const x0 = await denoise(x, sigma, timestep);
    return spend(space, [x0], () =>
      space.combine([
        [1 - ratio, x0],
        [ratio, x],
      ]),
    );
  });
}
