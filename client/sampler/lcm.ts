import type { StochasticRun } from './sampler-run.ts';
import { spend, walk } from './walk.ts';

const DATA_DEVIATION = 0.5;

/**
 * Multistep consistency sampling (Song et al. 2023, arXiv 2303.01469, algorithm 1; latents: Luo et al. 2023, arXiv 2310.04378, equation 9):
 * f = c_skip z + c_out x0, z = x / sqrt(1 + sigma^2), then fresh noise of the next level. c_skip = d^2 / (s^2 + d^2),
 * c_out = s / sqrt(s^2 + d^2), s the scaled timestep and d = 0.5.
 */
export function lcm<L>(run: StochasticRun<L>): Promise<L> {
  const { space, denoise, noise, schedule } = run;
  return walk(run, async (x, { index, timestep, sigma, target }) => {
    const scaled = timestep * schedule.solver.timestepScaling;
    const power = scaled ** 2 + DATA_DEVIATION ** 2;
    const skip = DATA_DEVIATION ** 2 / power / Math.sqrt(1 + sigma ** 2);
    const x0 = await denoise(x, sigma, timestep);
    return spend(space, [x0], async () => {
      const clean = [[skip, x] as const, [scaled / Math.sqrt(power), x0] as const];
      if (target === 0) return space.combine(clean);
      const fresh = noise(index);
      return spend(space, [fresh], () => space.combine([...clean, [target, fresh]]));
    });
  });
}
