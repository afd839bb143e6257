import type { LatentSpace } from './latent-space.ts';
import type { Denoise } from './sampler-run.ts';

/**
 * `denoise` with its x0 moved before the sampler goes on from it: the latent-level refinement of arXiv 2602.15539, section 3.3. The sampler does
 * not know of it.
 *
 * @param refine a new latent from x0, which it keeps
 * @param iterations how often at this step; 0 outside the window of guidance
 */
export function withRefinement<L>(
  denoise: Denoise<L>,
  space: LatentSpace<L>,
  refine: (x0: L) => Promise<L>,
  iterations: () => number,
): Denoise<L> {
  return async (x, sigma, timestep) => {
    let x0 = await denoise(x, sigma, timestep);
    for (let left = iterations(); left > 0; left--) {
      const refined = await refine(x0);
      space.release(x0);
      x0 = refined;
    }
    return x0;
  };
}
