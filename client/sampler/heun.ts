import type { SamplerRun } from './sampler-run.ts';
import { spend, walk } from './walk.ts';

/**
 * Heun's method (Karras et al. 2022, arXiv 2206.00364, algorithm 1): an Euler step, then again by the mean of the slopes at its two ends. Two
 * calls of the model a step; one where the step ends at zero noise, or is the last.
 */
export function heun<L>(run: SamplerRun<L>): Promise<L> {
  const { space, denoise, schedule } = run;
  return walk(run, async (x, { index, timestep, sigma, target, last }) => {
    const ratio = target / sigma;
    const x0 = await denoise(x, sigma, timestep);
    const euler = () =>
      space.combine([
        [1 - ratio, x0],
        [ratio, x],
      ]);
    if (last) return spend(space, [x0], euler);
    return spend(space, [x0], async () => {
      const ahead = await euler();
      return spend(space, [ahead], async () => {
        const x0Ahead = await denoise(ahead, target, schedule.timesteps[index + 1]!);
        const [half, halfAhead] = [(target - sigma) / (2 * sigma), (target - sigma) / (2 * target)];
        return spend(space, [x0Ahead], () =>
          space.combine([
            [1 + half, x],
            [-half, x0],
            [halfAhead, ahead],
            [-halfAhead, x0Ahead],
          ]),
        );
      });
    });
  });
}
