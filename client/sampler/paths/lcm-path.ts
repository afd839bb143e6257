import { DiptychError } from '../../../shared/errors.ts';
import type { SchedulerConfig } from '../../../shared/manifest.ts';
import { noiseLevels, levelAt, NO_SIGNAL } from '../noise-levels.ts';
import { type Path, type PathRequest, targetsOf, unitScale } from './path.ts';
import { sigmaPath } from './sigma-path.ts';

/**
 * A choice of the timesteps that the model was distilled at (Luo et al. 2023, arXiv 2310.04378, section 4.3), as evenly as they allow; or the
 * schedule that was asked for.
 *
 * @throws DiptychError `request_invalid` for more steps than there are such timesteps
 */
export function lcmPath(request: PathRequest): Path {
  if (request.asked !== undefined) {
    const path = sigmaPath(request);
    return { ...path, initialScale: unitScale(path.sigmas[0]!) };
  }
  const levels = noiseLevels(request.config, NO_SIGNAL);
  const timesteps = distilledTimesteps(request.config, request.steps);
  const sigmas = timesteps.map((t) => levelAt(levels, t));
  return { timesteps, sigmas, targets: targetsOf(sigmas, 0), initialScale: unitScale(sigmas[0]!) };
}

function distilledTimesteps({ num_train_timesteps: train, original_inference_steps }: SchedulerConfig, steps: number): number[] {
  const distilled = Math.min(original_inference_steps ?? 50, train);
  if (steps > distilled) {
    throw new DiptychError('request_invalid', `steps is ${steps}; lcm takes at most ${distilled}, or a schedule by name`, {
      field: 'steps',
    });
  }
  const stride = Math.floor(train / distilled);
  return Array.from({ length: steps }, (_, i) => (distilled - Math.floor((i * distilled) / steps)) * stride - 1);
}
