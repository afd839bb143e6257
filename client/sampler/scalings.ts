import type { Prediction, Schedule } from './schedule.ts';

/** `denoise(x, sigma) = cSkip x + cOut network(cIn x)` (Karras et al. 2022, arXiv 2206.00364, equation 7). */
export interface Scalings {
  cIn: number;
  cSkip: number;
  cOut: number;
}

/**
 * The scalings of a variance-preserving network for x = x0 + sigma noise, by what it predicts: the noise (epsilon), or
 * v = (noise - sigma x0) / sqrt(1 + sigma^2) (Salimans & Ho 2022, arXiv 2202.00512).
 */
export function scalings(prediction: Prediction, sigma: number): Scalings {
  const cIn = 1 / Math.sqrt(1 + sigma * sigma);
  return prediction === 'epsilon' ? { cIn, cSkip: 1, cOut: -sigma } : { cIn, cSkip: cIn * cIn, cOut: -sigma * cIn };
}

/** From noise of unit variance to the x that the first step starts from. */
export function initialScale(schedule: Schedule): number {
  return Math.sqrt(1 + schedule.sigmas[0]! ** 2);
}
