import type { SchedulerConfig } from '../../../shared/manifest.ts';
import type { ScheduleName } from '../../../shared/samplers.ts';
import type { Spacing } from '../spacing.ts';

/** The steps from noise to picture. The three lists have one entry a step. */
export interface Path {
  /** What the network is told, descending: of 0 ... num_train_timesteps - 1, or sigma num_train_timesteps of a flow. May be fractional. */
  timesteps: number[];
  /** The noise level that the step starts from. */
  sigmas: number[];
  /** The noise level that the step ends at. The next step may start from a slightly other one, as in the public DDIM. */
  targets: number[];
  /** From noise of unit variance to the latent that the first step starts from. */
  initialScale: number;
}

export interface PathRequest {
  config: SchedulerConfig;
  steps: number;
  /** Also gives Karras sigmas their ends. */
  spacing: Spacing;
  karras: boolean;
  /** The schedule that was asked for, not read from the config. */
  asked: ScheduleName | undefined;
}

/** Every step ends where the next one starts, the last one at `last`. */
export const targetsOf = (sigmas: readonly number[], last: number): number[] => [...sigmas.slice(1), last];

/** The latent x0 + sigma noise of which x / sqrt(1 + sigma^2) has unit variance. */
export const unitScale = (sigma: number): number => Math.sqrt(1 + sigma * sigma);
