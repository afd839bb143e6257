import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import type { Choice } from '../../../client/sampler/choose.ts';
import { makeSchedule } from '../../../client/sampler/schedule.ts';
import { SchedulerConfig } from '../../../shared/manifest.ts';
import { SAMPLERS } from '../../../shared/samplers.ts';

const schedule = (config: object, steps = 4, choice: Choice = {}) => makeSchedule(v.parse(SchedulerConfig, config), steps, choice);

test.each([
  ['DDIMScheduler', 'ddim'],
  ['EulerDiscreteScheduler', 'euler'],
  ['EulerAncestralDiscreteScheduler', 'euler-a'],
  ['HeunDiscreteScheduler', 'heun'],
  ['DPMSolverMultistepScheduler', 'dpmpp-2m'],
  ['LCMScheduler', 'lcm'],
  ['FlowMatchEulerDiscreteScheduler', 'flow-euler'],
  ['FlowMatchHeunDiscreteScheduler', 'heun'],
  ['PNDMScheduler', 'ddim'],
  ['DDPMScheduler', 'euler-a'],
  ['LMSDiscreteScheduler', 'dpmpp-2m'],
  ['UniPCMultistepScheduler', 'dpmpp-2m'],
])('%s is sampled by %s', (_class_name, sampler) => {
  expect(schedule({ _class_name }).sampler).toBe(sampler);
});

describe('without a word of the config', () => {
  test('the sampler is DDIM', () => expect(schedule({}).sampler).toBe('ddim'));

  test.each([
    ['DDIMScheduler', [750, 500, 250, 0]],
    ['EulerDiscreteScheduler', [999, 666, 333, 0]],
    ['DPMSolverMultistepScheduler', [999, 749, 500, 250]],
  ])('the spacing is that of %s', (_class_name, timesteps) => {
    expect(schedule({ _class_name }).timesteps).toEqual(timesteps);
  });
});

test('what is asked for overrides the config', () => {
  const config = { _class_name: 'EulerDiscreteScheduler', timestep_spacing: 'leading', use_karras_sigmas: true };
  const asked = schedule(config, 4, { sampler: 'heun', schedule: 'trailing' });
  expect(asked).toMatchObject({ sampler: 'heun', timesteps: [999, 749, 499, 249] });
  const karras = schedule(config, 4, { sampler: 'heun' });
  expect(karras.timesteps[1]! % 1).not.toBe(0);
});

test('a prediction of the flow is sampled as one, whatever the class', () => {
  const flow = { _class_name: 'DPMSolverMultistepScheduler', prediction_type: 'flow_prediction', flow_shift: 3 };
  expect(schedule(flow)).toMatchObject({ sampler: 'flow-euler', prediction: 'flow_prediction' });
  expect(schedule(flow).sigmas).toEqual(schedule({ _class_name: 'FlowMatchEulerDiscreteScheduler', shift: 3 }).sigmas);
});

describe('one step, as the Turbo models want', () => {
  const turbo = { _class_name: 'EulerDiscreteScheduler', timestep_spacing: 'trailing' };
  test.each(SAMPLERS.filter((sampler) => sampler !== 'flow-euler'))(
    '%s starts at the highest timestep and ends at zero noise',
    (sampler) => {
      expect(schedule(turbo, 1, { sampler })).toMatchObject({ timesteps: [999], targets: [0] });
    },
  );

  test('a flow starts at pure noise', () => {
    const flow = { _class_name: 'FlowMatchEulerDiscreteScheduler', shift: 3 };
    expect(schedule(flow, 1)).toMatchObject({ timesteps: [1000], sigmas: [1], targets: [0], initialScale: 1 });
  });
});

const FLOW = { _class_name: 'FlowMatchEulerDiscreteScheduler', shift: 3 };

test.each<[about: string, config: object, choice: Choice, field: string, message: RegExp]>([
  ['an unknown sampler', {}, { sampler: 'plms' as never }, 'sampler', /sampler is "plms"; it must be one of ddim, euler/],
  ['an unknown schedule', {}, { schedule: 'cosine' as never }, 'schedule', /schedule is "cosine"; it must be one of leading/],
  ['a name that objects have', {}, { sampler: 'constructor' as never }, 'sampler', /must be one of/],
  ['an unknown scheduler', { _class_name: 'EDMEulerScheduler' }, {}, 'sampler', /EDMEulerScheduler is unknown; name a sampler: ddim/],
  ['a scheduler named as objects are', { _class_name: 'constructor' }, {}, 'sampler', /constructor is unknown/],
  ['flow-euler for noise', {}, { sampler: 'flow-euler' }, 'sampler', /flow-euler is for flow models; this one predicts epsilon/],
  ['the flow schedule for noise', {}, { schedule: 'flow' }, 'schedule', /the schedule flow is for flow models/],
  ['DDIM for a flow', FLOW, { sampler: 'ddim' }, 'sampler', /ddim cannot sample .* flow; name flow-euler or heun/],
  ['a spacing for a flow', FLOW, { schedule: 'trailing' }, 'schedule', /trailing is not for flow models; leave it out/],
  ['Karras sigmas of a flow', { ...FLOW, use_karras_sigmas: true }, {}, 'use_karras_sigmas', /set it to false/],
  ['DDIM with Karras sigmas', { use_karras_sigmas: true }, {}, 'use_karras_sigmas', /name the sampler euler/],
  ['DDIM with the Karras schedule', {}, { schedule: 'karras' }, 'schedule', /name the sampler euler/],
])('%s is refused', (_, config, choice, field, message) => {
  expect(() => schedule(config, 4, choice)).toThrowError(
    expect.objectContaining({ code: 'request_invalid', message: expect.stringMatching(message), details: { field } }),
  );
});

test('more steps than an LCM was distilled at are refused, but not of a schedule by name', () => {
  const lcm = { _class_name: 'LCMScheduler', original_inference_steps: 50 };
  expect(() => schedule(lcm, 51)).toThrowError(expect.objectContaining({ message: expect.stringContaining('lcm takes at most 50') }));
  expect(schedule(lcm, 51, { schedule: 'sgm-uniform' }).timesteps.length).toBe(51);
});

test.each([
  [{ clip_sample: true }, 'clip_sample', 'must be false'],
  [{ thresholding: true }, 'thresholding', 'must be false'],
  [{ use_dynamic_shifting: true }, 'use_dynamic_shifting', 'must be false, with a number for shift'],
  [{ use_exponential_sigmas: true }, 'use_exponential_sigmas', 'must be false'],
  [{ sigma_max: 80 }, 'sigma_max', 'must be null'],
  [{ algorithm_type: 'sde-dpmsolver++' }, 'algorithm_type', 'must be "dpmsolver++"'],
  [{ timestep_type: 'continuous' }, 'timestep_type', 'must be "discrete"'],
])('a config with %o is refused', (config, field, message) => {
  const { issues } = v.safeParse(SchedulerConfig, config);
  expect(issues!.map((issue) => [v.getDotPath(issue), issue.message])).toEqual([[field, expect.stringContaining(message)]]);
});

test('nulls, as public configs write them, say nothing', () => {
  const nulls = { trained_betas: null, sigma_min: null, shift: null, use_karras_sigmas: null, solver_order: null, final_sigmas_type: null };
  expect(schedule(nulls)).toEqual(schedule({}));
});
