import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { ddim } from '../../../client/sampler/ddim.ts';
import { floatLatents } from '../../../client/sampler/float-latents.ts';
import { initialScale, scalings } from '../../../client/sampler/scalings.ts';
import { makeSchedule } from '../../../client/sampler/schedule.ts';
import { SchedulerConfig } from '../../../shared/manifest.ts';

interface Case {
  sampler: string;
  steps: number;
  prediction_type: 'epsilon' | 'v_prediction';
  spacing: string;
  options: Record<string, unknown>;
  timesteps: number[];
  final: number[];
}

const golden = JSON.parse(readFileSync('tests/fixtures/schedulers.json', 'utf8')) as { start: number[]; betas: object; cases: Case[] };
const cases = golden.cases.filter((entry) => entry.sampler === 'ddim');

/** The analytic network of the goldens. */
const network = (x: number, t: number) => 0.6 * Math.sin(1.7 * x + 0.003 * t) + (0.3 * x * t) / 1000;

function configOf(entry: Case): SchedulerConfig {
  const spacing = { timestep_spacing: entry.spacing, prediction_type: entry.prediction_type };
  return v.parse(SchedulerConfig, { ...golden.betas, ...entry.options, ...spacing, steps_offset: entry.spacing === 'leading' ? 1 : 0 });
}

describe('DDIM on the analytic network of the reference', () => {
  it('has its goldens', () => expect(cases.length).toBe(8));

  it.each(cases.map((entry) => [`${entry.prediction_type}, ${entry.spacing}, ${entry.steps} steps`, entry] as const))(
    '%s',
    async (_, entry) => {
      const config = configOf(entry);
      const schedule = makeSchedule(config, entry.steps);
      expect(schedule.timesteps).toEqual(entry.timesteps);
      const denoise = async (x: Float32Array, sigma: number, timestep: number) => {
        const { cIn, cSkip, cOut } = scalings(entry.prediction_type, sigma);
        return x.map((value) => cSkip * value + cOut * network(cIn * value, timestep));
      };
      const scale = initialScale(schedule);
      const final = await ddim({ space: floatLatents, denoise, schedule, x: Float32Array.from(golden.start, (value) => value * scale) });
      final.forEach((value, i) => expect(Math.abs(value - entry.final[i]!)).toBeLessThan(1e-4));
    },
  );
});

describe('makeSchedule', () => {
  const config = (options: object) => v.parse(SchedulerConfig, options);

  it('rounds halves to even, as the reference does', () => {
    expect(makeSchedule(config({ timestep_spacing: 'trailing' }), 16).timesteps.slice(0, 4)).toEqual([999, 937, 874, 811]);
  });

  it('ends at zero noise, or at the first level with set_alpha_to_one: false', () => {
    expect(makeSchedule(config({ set_alpha_to_one: true }), 5).targets.at(-1)).toBe(0);
    expect(makeSchedule(config({ set_alpha_to_one: false }), 5).targets.at(-1)).toBeCloseTo(Math.sqrt(0.00085 / (1 - 0.00085)), 12);
  });

  it.each(['linear', 'scaled_linear', 'squaredcos_cap_v2'])('gives falling sigmas for %s betas', (beta_schedule) => {
    const { sigmas } = makeSchedule(config({ beta_schedule, timestep_spacing: 'trailing' }), 50);
    expect(sigmas.every((sigma, i) => i === 0 || sigma < sigmas[i - 1]!)).toBe(true);
  });

  it('starts from (all but) pure noise when the terminal SNR is rescaled to zero', () => {
    expect(makeSchedule(config({ rescale_betas_zero_snr: true, timestep_spacing: 'trailing' }), 4).sigmas[0]).toBeCloseTo(4096, 0);
  });

  it.each([0, 1001, 2.5, Number.NaN])('refuses %s steps', (steps) => {
    expect(() => makeSchedule(config({}), steps)).toThrowError(expect.objectContaining({ code: 'request_invalid' }));
  });
});

describe('ddim', () => {
  const schedule = makeSchedule(v.parse(SchedulerConfig, {}), 4);
  const denoise = async (x: Float32Array) => x.map((value) => value / 2);

  it('stops between two steps when it is cancelled', async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const onStep = (step: number) => {
      seen.push(step);
      if (step === 1) controller.abort();
    };
    const run = ddim({ space: floatLatents, denoise, schedule, x: Float32Array.of(1), onStep, signal: controller.signal });
    await expect(run).rejects.toMatchObject({ code: 'cancelled' });
    expect(seen).toEqual([0, 1]);
  });

  it('releases every latent but the last', async () => {
    const live = new Set<Float32Array>();
    const adopt = (latent: Float32Array) => {
      live.add(latent);
      return latent;
    };
    const space = {
      combine: async (terms: Parameters<typeof floatLatents.combine>[0]) => adopt(await floatLatents.combine(terms)),
      release: (latent: Float32Array) => void live.delete(latent),
    };
    const final = await ddim({ space, denoise: async (x) => adopt(await denoise(x)), schedule, x: adopt(Float32Array.of(1)) });
    expect([...live]).toEqual([final]);
  });
});
