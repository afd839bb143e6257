import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { describe, expect, it, test } from 'vitest';
import { runSchedulers, type SchedulerOutcome, SchedulersFile } from '../../../models-manifest/cli/conformance/schedulers.ts';

const text = readFileSync('tests/fixtures/schedulers.json', 'utf8');
const file = (): SchedulersFile => v.parse(SchedulersFile, JSON.parse(text));

async function outcomesOf(runs: SchedulersFile): Promise<SchedulerOutcome[]> {
  const outcomes: SchedulerOutcome[] = [];
  for await (const outcome of runSchedulers(runs)) outcomes.push(outcome);
  return outcomes;
}

const outcomes = await outcomesOf(file());

describe('the runs of the public reference implementation', () => {
  it('are 42, of four samplers', () => {
    expect(outcomes.length).toBe(42);
    expect(new Set(file().cases.map(({ sampler }) => sampler))).toEqual(new Set(['ddim', 'euler', 'heun', 'dpmpp_2m']));
  });

  it.each(outcomes.map((outcome) => [outcome.name, outcome] as const))('%s', (_, outcome) => {
    expect(outcome).toMatchObject({ status: 'pass', tolerance: 1e-4 });
    expect(outcome.maxAbsError).toBeLessThan(5e-5);
    expect(outcome.timestepError).toBeLessThan(1e-4);
    expect(outcome.sigmaError).toBeLessThan(1e-5);
    expect(outcome.initialScaleError).toBeLessThan(1e-5);
  });
});

type Case = SchedulersFile['cases'][number];

describe('a run that differs from the file', () => {
  const changed = async (sampler: string, change: (run: Case) => void) => {
    const runs = file();
    const run = runs.cases.find((entry) => entry.sampler === sampler)!;
    change(run);
    const [outcome] = await outcomesOf({ ...runs, cases: [run] });
    return outcome!;
  };

  test.each<[about: string, sampler: string, change: (run: Case) => void, reason: RegExp]>([
    ['in one number of its end', 'euler', ({ final }) => (final[63]! += 2e-4), /^maxAbsError 2/],
    ['in a timestep', 'heun', ({ timesteps }) => (timesteps[1]! += 0.01), /^timestepError 1/],
    ['in the number of timesteps', 'heun', ({ timesteps }) => timesteps.pop(), /^timestepError Infinity/],
    ['in a sigma', 'dpmpp_2m', ({ sigmas }) => (sigmas![0]! += 1e-3), /^sigmaError 1/],
    ['in the initial noise', 'euler', (run) => (run.init_noise_sigma *= 1.001), /^initialScaleError 9/],
    ['in its prediction', 'ddim', (run) => (run.prediction_type = 'v_prediction'), /^maxAbsError/],
    ['in its spacing', 'ddim', (run) => (run.spacing = 'leading'), /timestepError/],
    ['in its betas’ options', 'euler', (run) => (run.options = { rescale_betas_zero_snr: true }), /sigmaError/],
  ])('%s fails', async (_, sampler, change, reason) => {
    expect(await changed(sampler, change)).toMatchObject({ status: 'FAIL', reason: expect.stringMatching(reason) });
  });

  test.each<[about: string, change: (run: Case) => void, reason: RegExp]>([
    ['of an unknown sampler', (run) => (run.sampler = 'plms'), /request_invalid: sampler is "plms"; it must be one of ddim/],
    ['that clips', (run) => (run.options = { clip_sample: true }), /request_invalid: clip_sample: must be false/],
    ['of a sampler that adds noise', (run) => (run.sampler = 'euler-a'), /euler-a adds noise, which the file does not hold/],
    ['of no step', (run) => (run.steps = 0), /request_invalid: steps is 0/],
  ])('one %s fails with the reason', async (_, change, reason) => {
    expect(await changed('euler', change)).toMatchObject({ status: 'FAIL', reason: expect.stringMatching(reason) });
  });

  it('reads the numbers of the network from the file, and refuses another form', async () => {
    const runs = file();
    const other = await outcomesOf({ ...runs, network: runs.network.replace('1.7*x', '1.6*x') });
    expect(other.every(({ reason }) => reason?.startsWith('maxAbsError'))).toBe(true);
    await expect(outcomesOf({ ...runs, network: 'x' })).rejects.toMatchObject({ code: 'request_invalid', details: { field: 'network' } });
  });
});
