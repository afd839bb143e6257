import { karrasSigmas } from '../karras.ts';
import { LITTLE_SIGNAL, noiseLevels, timestepAt } from '../noise-levels.ts';
import { roundHalfEven, type Spacing, spacedTimesteps } from '../spacing.ts';
import { type Path, type PathRequest, targetsOf, unitScale } from './path.ts';

/**
 * The public DPM-Solver++'s rule: whole timesteps, spaced so that the lowest is left to the end of the last step. Karras sigmas lie between
 * the ends of the training process, and the network is told the nearest timestep.
 */
export function multistepPath({ config, steps, spacing, karras }: PathRequest): Path {
  const { num_train_timesteps: train, steps_offset, final_sigmas_type } = config;
  const levels = noiseLevels(config, LITTLE_SIGNAL);
  const wholes = karras ? [] : wholeTimesteps(spacing, train, steps, steps_offset);
  const sigmas = karras ? karrasSigmas(levels.at(-1)!, levels[0]!, steps) : wholes.map((t) => levels[t]!);
  return {
    timesteps: karras ? sigmas.map((sigma) => roundHalfEven(timestepAt(levels, sigma))) : wholes,
    sigmas,
    targets: targetsOf(sigmas, final_sigmas_type === 'sigma_min' ? levels[0]! : 0),
    initialScale: unitScale(sigmas[0]!),
  };
}

function wholeTimesteps(spacing: Spacing, train: number, steps: number, offset: number): number[] {
  if (spacing === 'leading') return spacedTimesteps('leading', train, steps + 1, offset).slice(0, -1);
  return spacedTimesteps(spacing === 'linspace' ? 'sgm-uniform' : spacing, train, steps, offset).map(roundHalfEven);
}
