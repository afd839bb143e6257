import { DiptychError } from '../../shared/errors.ts';
import type { SchedulerConfig } from '../../shared/manifest.ts';
import type { SamplerName } from '../../shared/samplers.ts';
import { type Choice, choose } from './choose.ts';
import { ddimPath } from './paths/ddim-path.ts';
import { flowPath } from './paths/flow-path.ts';
import { lcmPath } from './paths/lcm-path.ts';
import { multistepPath } from './paths/multistep-path.ts';
import type { Path, PathRequest } from './paths/path.ts';
import { sigmaPath } from './paths/sigma-path.ts';
import type { Prediction } from './scalings.ts';

/** The way from noise to picture, and who walks it. */
export interface Schedule extends Path {
  sampler: SamplerName;
  prediction: Prediction;
  solver: Solver;
}

/** What a scheduler's config says to one sampler alone. */
interface Solver {
  /** `dpmpp-2m`: 1 or 2. */
  order: number;
  /** `dpmpp-2m`: how the second order is written (Lu et al. 2022, arXiv 2211.01095, section 4). */
  type: 'midpoint' | 'heun';
  /** `dpmpp-2m`: a run of fewer than 15 steps ends with a step of first order. */
  lowerOrderFinal: boolean;
  /** `lcm`: multiplies the timestep in the boundary scalings. */
  timestepScaling: number;
}

const PATHS: Record<SamplerName, (request: PathRequest) => Path> = {
  ddim: ddimPath,
  euler: sigmaPath,
  'euler-a': sigmaPath,
  heun: sigmaPath,
  'dpmpp-2m': multistepPath,
  lcm: lcmPath,
  'flow-euler': flowPath,
};

/**
 * The schedule of `config` in `steps` steps; `choice` overrides the sampler and the schedule that the config names.
 *
 * @throws DiptychError `request_invalid`, naming the field, if `steps` is not in 1 ... num_train_timesteps, a name is unknown, or the
 *   config, the sampler and the schedule do not go together.
 */
export function makeSchedule(config: SchedulerConfig, steps: number, choice: Choice = {}): Schedule {
  const train = config.num_train_timesteps;
  if (!Number.isInteger(steps) || steps < 1 || steps > train) {
    throw new DiptychError('request_invalid', `steps is ${steps}; it must be a whole number from 1 to ${train}`, { field: 'steps' });
  }
  const { sampler, prediction, ...chosen } = choose(config, choice);
  const path = prediction === 'flow_prediction' ? flowPath : PATHS[sampler];
  return { sampler, prediction, solver: solverOf(config), ...path({ config, steps, ...chosen }) };
}

function solverOf({ solver_order, solver_type, lower_order_final, timestep_scaling }: SchedulerConfig): Solver {
  return {
    order: Math.min(solver_order ?? 2, 2),
    type: solver_type === 'heun' ? 'heun' : 'midpoint',
    lowerOrderFinal: lower_order_final ?? true,
    timestepScaling: timestep_scaling ?? 10,
  };
}
