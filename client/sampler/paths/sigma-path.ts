import { karrasSigmas } from '../karras.ts';
import { levelAt, LITTLE_SIGNAL, noiseLevels, timestepAt } from '../noise-levels.ts';
import { spacedTimesteps } from '../spacing.ts';
import { type Path, type PathRequest, targetsOf, unitScale } from './path.ts';

/**
 * Timesteps that may be fractional, at interpolated levels; Karras sigmas lie between the first and the last of those. The public Euler's
 * and Heun's rule, whose initial noise is sigma times unit noise for the spacings that start at the highest timestep.
 */
export function sigmaPath({ config, steps, spacing, karras }: PathRequest): Path {
  const levels = noiseLevels(config, LITTLE_SIGNAL);
  const spaced = spacedTimesteps(spacing, config.num_train_timesteps, steps, config.steps_offset);
  const between = spaced.map((t) => levelAt(levels, t));
  const sigmas = karras ? karrasSigmas(between[0]!, between.at(-1)!, steps) : between;
  const fromTheTop = spacing === 'linspace' || spacing === 'trailing';
  return {
    timesteps: karras ? sigmas.map((sigma) => timestepAt(levels, sigma)) : spaced,
    sigmas,
    targets: targetsOf(sigmas, config.final_sigmas_type === 'sigma_min' ? levels[0]! : 0),
    initialScale: fromTheTop ? sigmas[0]! : unitScale(sigmas[0]!),
  };
}
