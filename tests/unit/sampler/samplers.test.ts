import * as v from 'valibot';
import { describe, expect, it, test } from 'vitest';
import { floatLatents } from '../../../client/sampler/float-latents.ts';
import { gaussianNoise } from '../../../client/sampler/noise.ts';
import type { Denoise } from '../../../client/sampler/sampler-run.ts';
import { SAMPLER_OF } from '../../../client/sampler/samplers.ts';
import { makeSchedule, type Schedule } from '../../../client/sampler/schedule.ts';
import { SchedulerConfig } from '../../../shared/manifest.ts';
import { type SamplerName, SAMPLERS, type ScheduleName } from '../../../shared/samplers.ts';
import { CountedLatents } from './counted-latents.ts';

const STOCHASTIC: readonly SamplerName[] = ['euler-a', 'lcm'];
const DETERMINISTIC = SAMPLERS.filter((sampler) => !STOCHASTIC.includes(sampler));

function scheduleOf(sampler: SamplerName, steps: number, schedule?: ScheduleName, config: object = {}): Schedule {
  const flow = sampler === 'flow-euler' ? { _class_name: 'FlowMatchEulerDiscreteScheduler', shift: 3 } : {};
  return makeSchedule(v.parse(SchedulerConfig, { ...flow, ...config }), steps, { sampler, ...(schedule ? { schedule } : {}) });
}

const noise = (step: number) => gaussianNoise(5, 64, step + 1);

describe.each(SAMPLERS)('%s', (sampler) => {
  const schedule = scheduleOf(sampler, 4);

  /** A run in which every latent is counted; `fail` is asked before each part. */
  function counted(fail: (part: string) => void = () => {}) {
    const space = new CountedLatents();
    const timesteps: number[] = [];
    const run = (options: { onStep?: (step: number) => void; signal?: AbortSignal } = {}) =>
      SAMPLER_OF[sampler]({
        space: {
          combine: async (terms) => {
            fail('combine');
            return space.combine(terms);
          },
          release: (latent) => space.release(latent),
        },
        denoise: async (x, _sigma, timestep) => {
          fail('denoise');
          timesteps.push(timestep);
          return space.adopt(x.map((value) => value / 2));
        },
        noise: (step) => {
          fail('noise');
          return space.adopt(noise(step));
        },
        schedule,
        x: space.adopt(gaussianNoise(5, 64)),
        ...options,
      });
    return { space, run, timesteps };
  }

  it('releases every latent but the last, each once, and tells every step', async () => {
    const { space, run, timesteps } = counted();
    const seen: number[] = [];
    const final = await run({ onStep: (step) => seen.push(step) });
    expect([...space.live]).toEqual([final]);
    expect(seen).toEqual([0, 1, 2, 3]);
    expect(new Set(timesteps)).toEqual(new Set(schedule.timesteps));
    expect(timesteps.length).toBe(sampler === 'heun' ? 7 : 4);
  });

  it.each(['denoise', 'combine', 'onStep', ...(STOCHASTIC.includes(sampler) ? ['noise'] : [])])(
    'releases every latent when %s fails',
    async (where) => {
      let calls = 0;
      const fail = (part: string) => {
        if (part === where && ++calls === 2) throw new Error(`${where} failed`);
      };
      const { space, run } = counted(fail);
      await expect(run({ onStep: () => fail('onStep') })).rejects.toThrow(`${where} failed`);
      expect(space.live.size).toBe(0);
    },
  );

  it('stops between two steps when it is cancelled', async () => {
    const controller = new AbortController();
    const { space, run } = counted();
    const seen: number[] = [];
    const onStep = (step: number) => {
      seen.push(step);
      if (step === 1) controller.abort();
    };
    await expect(run({ onStep, signal: controller.signal })).rejects.toMatchObject({ code: 'cancelled' });
    expect(seen).toEqual([0, 1]);
    expect(space.live.size).toBe(0);
  });

  it('makes no step when it was cancelled before the first', async () => {
    const { space, run, timesteps } = counted();
    await expect(run({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
    expect([timesteps.length, space.live.size]).toEqual([0, 0]);
  });

  it.each([1, 2, 8])('ends in the clean latent where there is only one, in %i steps', async (steps) => {
    const path = scheduleOf(sampler, steps, sampler === 'flow-euler' ? undefined : 'trailing');
    const clean = gaussianNoise(9, 64);
    const x = gaussianNoise(5, 64).map((value) => value * path.initialScale);
    const final = await SAMPLER_OF[sampler]({ space: floatLatents, denoise: async () => clean.slice(), schedule: path, x, noise });
    for (const [i, value] of clean.entries()) expect(final[i]).toBeCloseTo(value, 4);
  });
});

/** Of data from N(0, DEVIATION^2): the posterior mean of the clean latent, in x = x0 + sigma noise. */
const DEVIATION = 0.8;
const gaussian: Denoise<Float32Array> = async (x, sigma) => x.map((value) => value * (DEVIATION ** 2 / (DEVIATION ** 2 + sigma ** 2)));

describe('on Gaussian data, whose probability flow is known', () => {
  const x = Float32Array.of(10, -7);

  async function errorOf(sampler: SamplerName, steps: number): Promise<number> {
    // Karras sigmas end far enough below the data's deviation that the way from there to zero does not count.
    const schedule = scheduleOf(sampler, steps, sampler === 'ddim' ? 'trailing' : 'karras', { timestep_spacing: 'linspace' });
    const start = schedule.sigmas[0]!;
    const final = await SAMPLER_OF[sampler]({ space: floatLatents, denoise: gaussian, schedule, x, noise });
    const exact = Array.from(x, (value) => (value * DEVIATION) / Math.hypot(DEVIATION, start));
    return Math.max(...exact.map((value, i) => Math.abs(final[i]! - value)));
  }

  test.each<[SamplerName, least: number]>([
    ['euler', 1.7],
    ['ddim', 1.5],
    ['heun', 3],
    ['dpmpp-2m', 3],
  ])('%s: half the step, the error falls at least %f-fold', async (sampler, least) => {
    const [coarse, fine] = [await errorOf(sampler, 20), await errorOf(sampler, 40)];
    expect(coarse).toBeLessThan(0.1);
    expect(coarse / fine).toBeGreaterThan(least);
  });

  test('the samplers of second order are nearer than Euler’s method in as many steps', async () => {
    const euler = await errorOf('euler', 20);
    for (const sampler of ['heun', 'dpmpp-2m'] as const) expect(await errorOf(sampler, 20)).toBeLessThan(euler / 4);
  });

  const deviationOf = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  const COUNT = 8192;
  const fresh = (step: number) => gaussianNoise(3, COUNT, step + 1);

  test('euler-a draws from the data', async () => {
    const schedule = scheduleOf('euler-a', 60, 'karras', { timestep_spacing: 'linspace' });
    const start = gaussianNoise(3, COUNT).map((value) => value * schedule.initialScale);
    const final = await SAMPLER_OF['euler-a']({ space: floatLatents, denoise: gaussian, schedule, x: start, noise: fresh });
    expect(deviationOf(final)).toBeCloseTo(DEVIATION, 1);
  });

  // A consistency model gives the end of the flow, not the posterior mean.
  test('lcm draws from the data, with a model that is consistent', async () => {
    const schedule = scheduleOf('lcm', 4);
    const consistent: Denoise<Float32Array> = async (latent, sigma) =>
      latent.map((value) => (value * DEVIATION) / Math.hypot(DEVIATION, sigma));
    const start = gaussianNoise(3, COUNT).map((value) => value * schedule.initialScale);
    const final = await SAMPLER_OF.lcm({ space: floatLatents, denoise: consistent, schedule, x: start, noise: fresh });
    expect(deviationOf(final)).toBeCloseTo(DEVIATION, 1);
  });
});

describe('noise on the way', () => {
  const runWith = (sampler: SamplerName, seed: number) => {
    const schedule = scheduleOf(sampler, 3, 'trailing');
    const x = gaussianNoise(1, 64).map((value) => value * schedule.initialScale);
    return SAMPLER_OF[sampler]({ space: floatLatents, denoise: gaussian, schedule, x, noise: (step) => gaussianNoise(seed, 64, step + 1) });
  };

  test.each(STOCHASTIC)('%s depends on it, and on nothing else', async (sampler) => {
    expect(await runWith(sampler, 2)).toEqual(await runWith(sampler, 2));
    expect(await runWith(sampler, 2)).not.toEqual(await runWith(sampler, 3));
  });

  test.each(DETERMINISTIC.filter((sampler) => sampler !== 'flow-euler'))('%s takes none', async (sampler) => {
    expect(await runWith(sampler, 2)).toEqual(await runWith(sampler, 3));
  });
});

describe('dpmpp-2m', () => {
  const trailing = (solver: Partial<Schedule['solver']>, steps = 5) => {
    const schedule = scheduleOf('dpmpp-2m', steps, 'trailing', { final_sigmas_type: 'sigma_min' });
    return { ...schedule, solver: { ...schedule.solver, ...solver } };
  };
  const finalOf = (sampler: SamplerName, schedule: Schedule) =>
    SAMPLER_OF[sampler]({ space: floatLatents, denoise: gaussian, schedule, x: Float32Array.of(10, -7), noise });

  test('of first order is DDIM between the same levels', async () => {
    const schedule = trailing({ order: 1 });
    const [first, ddim] = [await finalOf('dpmpp-2m', schedule), await finalOf('ddim', schedule)];
    for (const [i, value] of ddim.entries()) expect(first[i]).toBeCloseTo(value, 5);
  });

  test('ends in a step of first order only where the steps are few', async () => {
    const [few, many] = [trailing({ lowerOrderFinal: true }, 5), trailing({ lowerOrderFinal: true }, 20)];
    const always = (schedule: Schedule) => ({ ...schedule, solver: { ...schedule.solver, lowerOrderFinal: false } });
    expect(await finalOf('dpmpp-2m', few)).not.toEqual(await finalOf('dpmpp-2m', always(few)));
    expect(await finalOf('dpmpp-2m', many)).toEqual(await finalOf('dpmpp-2m', always(many)));
  });
});
