import type { ScheduleName } from '../../shared/samplers.ts';

/** The schedules that are spacings of the training timesteps. */
export type Spacing = Exclude<ScheduleName, 'karras' | 'flow'>;

/**
 * `steps` timesteps of 0 ... train - 1, descending; `linspace` and `sgm-uniform` give fractions. The first three as in Lin et al. 2024
 * (arXiv 2305.08891), table 2; `sgm-uniform` is a linspace of one step more without its end. Where a value lies halfway between two
 * timesteps, the last bit of its sum decides how it is rounded, so the sums are the reference's: numpy's `linspace` (i times the step) and
 * `arange` (its step is what the second element differs by). Where that `arange` runs on to a timestep -1, as for 61 steps of 1000, this
 * does not.
 */
export function spacedTimesteps(spacing: Spacing, train: number, steps: number, offset: number): number[] {
  const descending = (at: (i: number) => number) => Array.from({ length: steps }, (_, i) => at(steps - 1 - i));
  switch (spacing) {
    case 'leading':
      return descending((i) => Math.min(train - 1, i * Math.floor(train / steps) + offset));
    case 'linspace': {
      const step = (train - 1) / Math.max(1, steps - 1);
      return descending((i) => i * step);
    }
    case 'sgm-uniform':
      return descending((i) => (i + 1) * ((train - 1) / steps));
    case 'trailing': {
      const step = train - train / steps - train;
      return Array.from({ length: steps }, (_, i) => roundHalfEven(train + i * step) - 1);
    }
  }
}

/** The reference rounds halves to even, which `Math.round` does not. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
