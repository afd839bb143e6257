import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { makeSchedule } from '../../../client/sampler/schedule.ts';
import { SchedulerConfig } from '../../../shared/manifest.ts';

describe('makeSchedule', () => {
  const config = (options: object) => v.parse(SchedulerConfig, options);

  // Expected by numpy 1.24: where a step lands between two timesteps, the last bit of its sum decides.
  it.each([
    ['trailing', 16, 0, [999, 937, 874, 811]],
    ['trailing', 48, 2, [957, 936, 916]],
    ['trailing', 61, 58, [48, 32, 15]],
    ['linspace', 27, 12, [538, 499, 461]],
    ['linspace', 103, 16, [842, 833, 823]],
    ['leading', 7, 4, [285, 143, 1]],
  ] as const)('rounds as the reference does: %s, %i steps', (timestep_spacing, steps, from, expected) => {
    const { timesteps } = makeSchedule(config({ timestep_spacing, steps_offset: 1 }), steps);
    expect(timesteps).toHaveLength(steps);
    expect(timesteps.slice(from, from + expected.length)).toEqual(expected);
  });

  it.each(['leading', 'linspace', 'trailing'])('%s: whole timesteps, falling, as many as steps', (timestep_spacing) => {
    for (let steps = 1; steps <= 1000; steps++) {
      const { timesteps } = makeSchedule(config({ timestep_spacing }), steps);
      const falling = timesteps.every((t, i) => Number.isInteger(t) && t >= 0 && t < (timesteps[i - 1] ?? 1000));
      expect([steps, timesteps.length, falling]).toEqual([steps, steps, true]);
    }
  });

  it('ends at zero noise, or at the first level with set_alpha_to_one: false', () => {
    expect(makeSchedule(config({ set_alpha_to_one: true }), 5).targets.at(-1)).toBe(0);
    expect(makeSchedule(config({ set_alpha_to_one: false }), 5).targets.at(-1)).toBeCloseTo(Math.sqrt(0.00085 / (1 - 0.00085)), 6);
  });

  it.each(['linear', 'scaled_linear', 'squaredcos_cap_v2'])('gives falling sigmas for %s betas', (beta_schedule) => {
    const { sigmas } = makeSchedule(config({ beta_schedule, timestep_spacing: 'trailing' }), 50);
    expect(sigmas.every((sigma, i) => i === 0 || sigma < sigmas[i - 1]!)).toBe(true);
  });

  it.each([0, 1001, 2.5, Number.NaN])('refuses %s steps', (steps) => {
    expect(() => makeSchedule(config({}), steps)).toThrowError(
      expect.objectContaining({ code: 'request_invalid', message: expect.stringContaining('from 1 to 1000') }),
    );
  });
});
