import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { ddim } from '../../../client/sampler/ddim.ts';
import { floatLatents } from '../../../client/sampler/float-latents.ts';
import { scalings } from '../../../client/sampler/scalings.ts';
import { makeSchedule } from '../../../client/sampler/schedule.ts';
import { SchedulerConfig } from '../../../shared/manifest.ts';

const golden = JSON.parse(readFileSync('tests/fixtures/schedulers.json', 'utf8')) as { start: number[] };

/** The analytic network of the goldens. */
const network = (x: number, t: number) => 0.6 * Math.sin(1.7 * x + 0.003 * t) + (0.3 * x * t) / 1000;

describe('ddim', () => {
  it('ends in the clean latent, or in that at the noise of timestep 0 with set_alpha_to_one: false', async () => {
    const [clean, noise] = [0.7, -1.3];
    const finalOf = async (set_alpha_to_one: boolean) => {
      const schedule = makeSchedule(v.parse(SchedulerConfig, { set_alpha_to_one }), 4);
      const x = Float32Array.of(clean + schedule.sigmas[0]! * noise);
      return (await ddim({ space: floatLatents, denoise: async () => Float32Array.of(clean), schedule, x }))[0];
    };
    expect(await finalOf(true)).toBeCloseTo(clean, 6);
    expect(await finalOf(false)).toBeCloseTo(Math.sqrt(1 - 0.00085) * clean + Math.sqrt(0.00085) * noise, 5);
  });

  // A model of v at a signal power of exactly 0, in variance-preserving terms: the least power taken for it must not show in float32.
  it.each([1, 4, 12])('starts from pure noise when the terminal SNR is rescaled to zero: %i steps', async (steps) => {
    const config = v.parse(SchedulerConfig, {
      prediction_type: 'v_prediction',
      timestep_spacing: 'trailing',
      rescale_betas_zero_snr: true,
    });
    const schedule = makeSchedule(config, steps);
    const powers = (sigmas: number[]) => sigmas.map((sigma) => 1 / (1 + sigma * sigma));
    const [from, to] = [powers(schedule.sigmas).with(0, 0), powers(schedule.targets)];
    const expected = golden.start.map((start) =>
      schedule.timesteps.reduce((x, t, i) => {
        const velocity = network(x, t);
        const x0 = Math.sqrt(from[i]!) * x - Math.sqrt(1 - from[i]!) * velocity;
        const noise = Math.sqrt(from[i]!) * velocity + Math.sqrt(1 - from[i]!) * x;
        return Math.sqrt(to[i]!) * x0 + Math.sqrt(1 - to[i]!) * noise;
      }, start),
    );
    const denoise = async (x: Float32Array, sigma: number, timestep: number) => {
      const { cIn, cSkip, cOut } = scalings('v_prediction', sigma);
      return x.map((value) => cSkip * value + cOut * network(cIn * value, timestep));
    };
    const scale = schedule.initialScale;
    const final = await ddim({ space: floatLatents, denoise, schedule, x: Float32Array.from(golden.start, (value) => value * scale) });
    expect(Math.max(...final.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThan(1e-5);
  });
});
