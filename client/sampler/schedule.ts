import { DiptychError } from '../../shared/errors.ts';
import type { SchedulerConfig } from '../../shared/manifest.ts';
import { noiseLevels } from './noise-levels.ts';

/** What a variance-preserving network predicts. */
export type Prediction = Exclude<SchedulerConfig['prediction_type'], 'flow_prediction'>;

/** The way from noise to picture, in steps. The three lists have one entry a step. */
export interface Schedule {
  prediction: Prediction;
  /** What the network is told: 0 ... num_train_timesteps - 1, descending. */
  timesteps: number[];
  /** The noise level that the step starts from. */
  sigmas: number[];
  /** The noise level that the step ends at. The next step may start from a slightly other one, as in the public DDIM. */
  targets: number[];
}

/**
 * The schedule of `config` in `steps` steps. A step ends `num_train_timesteps / steps` (whole) timesteps lower, and the last one at
 * zero noise or, with `set_alpha_to_one: false`, at the level of timestep 0: the public DDIM's rule, whatever the spacing.
 *
 * @throws DiptychError `request_invalid` if `steps` is not in 1 ... num_train_timesteps, or the config is of a flow.
 */
export function makeSchedule(config: SchedulerConfig, steps: number): Schedule {
  const train = config.num_train_timesteps;
  if (!Number.isInteger(steps) || steps < 1 || steps > train) {
    throw new DiptychError('request_invalid', `steps is ${steps}; it must be a whole number from 1 to ${train}`, { field: 'steps' });
  }
  if (config.prediction_type === 'flow_prediction') {
    throw new DiptychError('request_invalid', 'flow-matching schedules are not supported yet', { field: 'prediction_type' });
  }
  const levels = noiseLevels(config);
  const last = config.set_alpha_to_one ? 0 : levels[0]!;
  const timesteps = SPACINGS[config.timestep_spacing](train, steps, config.steps_offset);
  const stride = Math.floor(train / steps);
  return {
    prediction: config.prediction_type,
    timesteps,
    sigmas: timesteps.map((t) => levels[t]!),
    targets: timesteps.map((t) => (t >= stride ? levels[t - stride]! : last)),
  };
}

/**
 * Lin et al. 2024 (arXiv 2305.08891), table 2. Where a step lands halfway between two timesteps, the last bit of its sum decides, so the
 * sums are the reference's: numpy's `linspace` (i times the step) and `arange` (its step is what the second element differs by). Where
 * that `arange` runs on to a timestep -1, as for 61 steps of 1000, this does not.
 */
const SPACINGS: Record<SchedulerConfig['timestep_spacing'], (train: number, steps: number, offset: number) => number[]> = {
  leading: (train, steps, offset) => descending(steps, (i) => Math.min(train - 1, i * Math.floor(train / steps) + offset)),
  linspace: (train, steps) => {
    const step = (train - 1) / Math.max(1, steps - 1);
    return descending(steps, (i) => roundHalfEven(i * step));
  },
  trailing: (train, steps) => {
    const step = train - train / steps - train;
    return Array.from({ length: steps }, (_, i) => roundHalfEven(train + i * step) - 1);
  },
};

function descending(steps: number, at: (i: number) => number): number[] {
  return Array.from({ length: steps }, (_, i) => at(steps - 1 - i));
}

/** The reference rounds halves to even, which `Math.round` does not. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
