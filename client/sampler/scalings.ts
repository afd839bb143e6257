import type { SchedulerConfig } from '../../shared/manifest.ts';

/** What a network predicts: of a variance-preserving process, or the velocity of a flow. */
export type Prediction = SchedulerConfig['prediction_type'];

/** `denoise(x, sigma) = cSkip x + cOut network(cIn x)` (Karras et al. 2022, arXiv 2206.00364, equation 7). */
export interface Scalings {
  cIn: number;
  cSkip: number;
  cOut: number;
}

/**
 * The scalings of a network by what it predicts. Of a variance-preserving one, for x = x0 + sigma noise: the noise (epsilon),
 * v = (noise - sigma x0) / sqrt(1 + sigma^2) (Salimans & Ho 2022, arXiv 2202.00512), or x0 (sample). Of a flow, for
 * x = (1 - sigma) x0 + sigma noise: the velocity noise - x0 (Lipman et al. 2023, arXiv 2210.02747).
 */
export function scalings(prediction: Prediction, sigma: number): Scalings {
  const cIn = 1 / Math.sqrt(1 + sigma * sigma);
  return {
    epsilon: { cIn, cSkip: 1, cOut: -sigma },
    v_prediction: { cIn, cSkip: cIn * cIn, cOut: -sigma * cIn },
    sample: { cIn, cSkip: 0, cOut: 1 },
    flow_prediction: { cIn: 1, cSkip: 1, cOut: -sigma },
  }[prediction];
}
