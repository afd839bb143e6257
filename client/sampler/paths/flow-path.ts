import { type Path, type PathRequest, targetsOf } from './path.ts';

/**
 * sigma linear in the step, then shifted to s sigma / (1 + (s - 1) sigma) (Esser et al. 2024, arXiv 2403.03206, equation 23). As in the
 * public flow-matching scheduler the line's ends, 1 and 1 / num_train_timesteps, are themselves shifted before.
 */
export function flowPath({ config, steps }: PathRequest): Path {
  const { num_train_timesteps: train, shift, flow_shift } = config;
  const s = shift ?? flow_shift ?? 1;
  const shifted = (sigma: number) => (s * sigma) / (1 + (s - 1) * sigma);
  const [highest, lowest] = [shifted(1), shifted(1 / train)];
  const sigmas = Array.from({ length: steps }, (_, i) => shifted(highest + ((lowest - highest) * i) / Math.max(1, steps - 1)));
  return { timesteps: sigmas.map((sigma) => sigma * train), sigmas, targets: targetsOf(sigmas, 0), initialScale: sigmas[0]! };
}
