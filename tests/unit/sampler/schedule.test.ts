import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { makeSchedule } from '../../../client/sampler/schedule.ts';
import { SchedulerConfig } from '../../../shared/manifest.ts';
import { SAMPLERS, SCHEDULES } from '../../../shared/samplers.ts';

const config = (options: object) => v.parse(SchedulerConfig, options);

describe('makeSchedule', () => {
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

describe('the schedules beside the spacings', () => {
  const euler = (options: object, steps: number, schedule?: 'karras' | 'sgm-uniform') =>
    makeSchedule(v.parse(SchedulerConfig, { timestep_spacing: 'linspace', ...options }), steps, {
      sampler: 'euler',
      ...(schedule ? { schedule } : {}),
    });

  it('karras: equal steps of sigma^(1/7) between the ends of the spacing, told as the timesteps of those levels', () => {
    const { sigmas, timesteps } = euler({}, 6, 'karras');
    const roots = sigmas.map((sigma) => sigma ** (1 / 7));
    for (let i = 2; i < 6; i++) expect(roots[i]! - roots[i - 1]!).toBeCloseTo(roots[1]! - roots[0]!, 10);
    expect([sigmas[0], sigmas[5]]).toEqual([expect.closeTo(14.614645, 5), expect.closeTo(0.0291675, 6)]);
    expect([timesteps[0], timesteps[5]]).toEqual([expect.closeTo(999, 3), expect.closeTo(0, 3)]);
  });

  it('sgm-uniform: a linspace of one step more without its end', () => {
    expect(euler({}, 4, 'sgm-uniform').timesteps).toEqual([999, 749.25, 499.5, 249.75]);
    expect(euler({}, 1, 'sgm-uniform').timesteps).toEqual([999]);
  });

  it('a flow has the sigmas of the public scheduler', () => {
    const { trajectory } = JSON.parse(readFileSync('tests/fixtures/sd3-tiny/golden.json', 'utf8')) as {
      trajectory: { sigmas: number[]; timesteps: number[] };
    };
    const { sigmas, targets, timesteps } = makeSchedule(config({ _class_name: 'FlowMatchEulerDiscreteScheduler', shift: 3 }), 6);
    for (const [i, sigma] of [...sigmas, targets.at(-1)!].entries()) expect(sigma).toBeCloseTo(trajectory.sigmas[i]!, 12);
    for (const [i, t] of timesteps.entries()) expect(t).toBeCloseTo(trajectory.timesteps[i]!, 9);
  });

  // By the reference: indices rounded down in the fifty timesteps 999, 979 ... 19 of the distillation.
  it.each([
    [1, [999]],
    [4, [999, 759, 499, 259]],
    [6, [999, 839, 679, 499, 339, 179]],
  ])('lcm: %i of the timesteps that it was distilled at', (steps, timesteps) => {
    expect(makeSchedule(config({ _class_name: 'LCMScheduler' }), steps).timesteps).toEqual(timesteps);
  });

  it('starts at sigma 4096 when the terminal SNR is rescaled to zero', () => {
    const { sigmas, targets } = euler({ timestep_spacing: 'trailing', rescale_betas_zero_snr: true }, 5);
    expect(sigmas[0]).toBeCloseTo(4096, 2);
    expect(targets.at(-1)).toBe(0);
  });

  it('takes betas as they were trained', () => {
    const trained_betas = [0.1, 0.2, 0.3, 0.4];
    const { sigmas } = euler({ trained_betas, num_train_timesteps: 4 }, 4);
    const powers = [0.9 * 0.8 * 0.7 * 0.6, 0.9 * 0.8 * 0.7, 0.9 * 0.8, 0.9];
    for (const [i, power] of powers.entries()) expect(sigmas[i]).toBeCloseTo(Math.sqrt((1 - power) / power), 5);
  });

  it('every sampler goes down every schedule that it takes, from a level to the next', () => {
    const [noise, flow] = [config({}), config({ _class_name: 'FlowMatchEulerDiscreteScheduler', shift: 3 })];
    const property = fc.property(
      fc.constantFrom(...SAMPLERS),
      fc.constantFrom(...SCHEDULES),
      fc.integer({ min: 1, max: 60 }),
      (sampler, schedule, steps) => {
        const flows = sampler === 'flow-euler' || schedule === 'flow';
        if (flows && !(['flow-euler', 'heun'].includes(sampler) && schedule === 'flow')) return;
        if (sampler === 'ddim' && schedule === 'karras') return;
        const { sigmas, targets, timesteps } = makeSchedule(flows ? flow : noise, steps, { sampler, schedule });
        expect([sigmas.length, targets.length, timesteps.length]).toEqual([steps, steps, steps]);
        for (const [i, sigma] of sigmas.entries()) {
          expect(sigma).toBeLessThan(sigmas[i - 1] ?? Number.POSITIVE_INFINITY);
          expect(targets[i]).toBeLessThan(sigma);
          expect(timesteps[i]).toBeLessThanOrEqual(timesteps[i - 1] ?? 1000);
          expect(sampler === 'ddim' || targets[i] === (sigmas[i + 1] ?? 0)).toBe(true);
        }
      },
    );
    fc.assert(property, { numRuns: 300 });
  });
});
