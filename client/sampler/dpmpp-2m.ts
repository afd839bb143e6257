import type { SamplerRun } from './sampler-run.ts';
import type { Schedule } from './schedule.ts';
import { type Step, walk } from './walk.ts';

/** Runs of fewer steps end in a step of first order, which is steadier. */
const FEW_STEPS = 15;

/**
 * DPM-Solver++(2M) (Lu et al. 2022, arXiv 2211.01095, algorithm 2): the clean latent is taken to be linear in lambda = -log sigma, by this
 * step's and the last one's. In x = x0 + sigma noise: x' = (sigma' / sigma) x + (1 - sigma' / sigma) (x0 + c (x0 - x0 before)). Returns the
 * variance-preserving latent.
 */
export async function dpmpp2m<L>(run: SamplerRun<L>): Promise<L> {
  const { space, denoise, schedule } = run;
  let before: L | undefined;
  try {
    return await walk(run, async (x, step) => {
      const { sigma, target, timestep, last } = step;
      const x0 = await denoise(x, sigma, timestep);
      const earlier = before;
      before = x0;
      try {
        const scale = last ? 1 / Math.sqrt(1 + target ** 2) : 1;
        const ratio = target / sigma;
        const slope = earlier === undefined ? 0 : scale * slopeOf(schedule, step);
        const line = [[scale * ratio, x] as const, [scale * (1 - ratio) + slope, x0] as const];
        return await space.combine(earlier === undefined || slope === 0 ? line : [...line, [-slope, earlier]]);
      } finally {
        if (earlier !== undefined) space.release(earlier);
      }
    });
  } finally {
    if (before !== undefined) space.release(before);
  }
}

/** What a step takes of x0 - (x0 before); 0 of a step of first order. */
function slopeOf({ sigmas, solver }: Schedule, { index, sigma, target, last }: Step): number {
  const few = solver.lowerOrderFinal && sigmas.length < FEW_STEPS;
  if (solver.order === 1 || target === 0 || target === sigma || (last && few)) return 0;
  const h = Math.log(sigma / target);
  const r = Math.log(sigmas[index - 1]! / sigma) / h;
  const weight = solver.type === 'heun' ? 1 - (1 - target / sigma) / h : (1 - target / sigma) / 2;
  return r === 0 ? 0 : weight / r;
}
