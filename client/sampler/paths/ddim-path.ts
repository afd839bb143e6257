import { noiseLevels, NO_SIGNAL } from '../noise-levels.ts';
import { roundHalfEven, spacedTimesteps } from '../spacing.ts';
import { type Path, type PathRequest, unitScale } from './path.ts';

/**
 * Whole timesteps. A step ends `num_train_timesteps / steps` (whole) timesteps lower, and the last one at zero noise or, with
 * `set_alpha_to_one: false`, at the level of timestep 0: the public DDIM's rule, whatever the spacing.
 */
export function ddimPath({ config, steps, spacing }: PathRequest): Path {
  const { num_train_timesteps: train, steps_offset, set_alpha_to_one } = config;
  const levels = noiseLevels(config, NO_SIGNAL);
  const last = set_alpha_to_one ? 0 : levels[0]!;
  const stride = Math.floor(train / steps);
  const timesteps = spacedTimesteps(spacing, train, steps, steps_offset).map(roundHalfEven);
  return {
    timesteps,
    sigmas: timesteps.map((t) => levels[t]!),
    targets: timesteps.map((t) => (t >= stride ? levels[t - stride]! : last)),
    initialScale: unitScale(levels[timesteps[0]!]!),
  };
}
