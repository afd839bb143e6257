import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { ddim } from '../../../client/sampler/ddim.ts';
import { floatLatents } from '../../../client/sampler/float-latents.ts';
import { scalings } from '../../../client/sampler/scalings.ts';
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
      const scale = schedule.initialScale;
      const final = await ddim({ space: floatLatents, denoise, schedule, x: Float32Array.from(golden.start, (value) => value * scale) });
      final.forEach((value, i) => expect(Math.abs(value - entry.final[i]!)).toBeLessThan(1e-4));
    },
  );
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

  /** A space that knows its latents; `denoise` makes its own in it. */
  function counted() {
    const live = new Set<Float32Array>();
    const adopt = (latent: Float32Array) => {
      live.add(latent);
      return latent;
    };
    const space = {
      combine: async (terms: Parameters<typeof floatLatents.combine>[0]) => adopt(await floatLatents.combine(terms)),
      release: (latent: Float32Array) => void live.delete(latent),
    };
    return { live, adopt, space, denoise: async (x: Float32Array) => adopt(await denoise(x)) };
  }

  it('releases every latent but the last', async () => {
    const { live, adopt, space, denoise } = counted();
    const final = await ddim({ space, denoise, schedule, x: adopt(Float32Array.of(1)) });
    expect([...live]).toEqual([final]);
  });

  it.each(['denoise', 'combine', 'onStep'])('releases every latent when %s fails', async (where) => {
    const { live, adopt, space, denoise } = counted();
    let calls = 0;
    const failing = (part: string) => {
      if (part === where && ++calls === 2) throw new Error(`${where} failed`);
    };
    const run = ddim({
      space: {
        ...space,
        combine: async (terms) => {
          failing('combine');
          return space.combine(terms);
        },
      },
      denoise: async (x) => {
        failing('denoise');
        return denoise(x);
      },
      schedule,
      x: adopt(Float32Array.of(1)),
      onStep: () => failing('onStep'),
    });
    await expect(run).rejects.toThrow(`${where} failed`);
    expect(live.size).toBe(0);
  });

  it('makes no step after it was cancelled before the first', async () => {
    const { live, adopt, space, denoise } = counted();
    const run = ddim({ space, denoise, schedule, x: adopt(Float32Array.of(1)), signal: AbortSignal.abort() });
    await expect(run).rejects.toMatchObject({ code: 'cancelled' });
    expect(live.size).toBe(0);
  });

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
