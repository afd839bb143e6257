import { DiptychError } from '../../shared/errors.ts';
import type { SchedulerConfig } from '../../shared/manifest.ts';
import { type SamplerName, SAMPLERS, type ScheduleName, SCHEDULES } from '../../shared/samplers.ts';
import type { PathRequest } from './paths/path.ts';
import type { Prediction } from './scalings.ts';
import type { Spacing } from './spacing.ts';

/** What overrides the scheduler's config. */
export interface Choice {
  sampler?: SamplerName;
  schedule?: ScheduleName;
}

interface Chosen extends Pick<PathRequest, 'spacing' | 'karras' | 'asked'> {
  sampler: SamplerName;
  prediction: Prediction;
}

/** A public scheduler: the sampler that it is, or the nearest one here, and the spacing of configs that do not say. */
interface Scheduler {
  sampler: SamplerName;
  spacing: Spacing;
  flow?: boolean;
}

const SCHEDULERS: Readonly<Record<string, Scheduler>> = {
  DDIMScheduler: { sampler: 'ddim', spacing: 'leading' },
  EulerDiscreteScheduler: { sampler: 'euler', spacing: 'linspace' },
  EulerAncestralDiscreteScheduler: { sampler: 'euler-a', spacing: 'linspace' },
  HeunDiscreteScheduler: { sampler: 'heun', spacing: 'linspace' },
  DPMSolverMultistepScheduler: { sampler: 'dpmpp-2m', spacing: 'linspace' },
  LCMScheduler: { sampler: 'lcm', spacing: 'leading' },
  FlowMatchEulerDiscreteScheduler: { sampler: 'flow-euler', spacing: 'leading', flow: true },
  FlowMatchHeunDiscreteScheduler: { sampler: 'heun', spacing: 'leading', flow: true },
  // Pseudo-numerical methods start from DDIM's transfer (Liu et al. 2022, arXiv 2202.09778).
  PNDMScheduler: { sampler: 'ddim', spacing: 'leading' },
  // The posterior of the forward process is Euler's ancestral step.
  DDPMScheduler: { sampler: 'euler-a', spacing: 'leading' },
  KDPM2AncestralDiscreteScheduler: { sampler: 'euler-a', spacing: 'linspace' },
  KDPM2DiscreteScheduler: { sampler: 'heun', spacing: 'linspace' },
  // Multistep methods, and the same solver in single steps.
  LMSDiscreteScheduler: { sampler: 'dpmpp-2m', spacing: 'linspace' },
  UniPCMultistepScheduler: { sampler: 'dpmpp-2m', spacing: 'linspace' },
  DEISMultistepScheduler: { sampler: 'dpmpp-2m', spacing: 'linspace' },
  DPMSolverSinglestepScheduler: { sampler: 'dpmpp-2m', spacing: 'linspace' },
};

/** The samplers that can walk a flow's straight lines, the first one by default. */
const FLOW_SAMPLERS: readonly SamplerName[] = ['flow-euler', 'heun'];

/** @throws DiptychError `request_invalid`, naming the field and what to set it to */
export function choose(config: SchedulerConfig, { sampler: wanted, schedule }: Choice): Chosen {
  requireKnown('sampler', wanted, SAMPLERS);
  requireKnown('schedule', schedule, SCHEDULES);
  const { _class_name: name = 'DDIMScheduler' } = config;
  const scheduler = Object.hasOwn(SCHEDULERS, name) ? SCHEDULERS[name]! : undefined;
  if (!scheduler && wanted === undefined) {
    throw refusal('sampler', `the model's scheduler ${name} is unknown; name a sampler: ${SAMPLERS.join(', ')}`);
  }
  const flows = scheduler?.flow === true || config.prediction_type === 'flow_prediction';
  if (flows) return { ...chooseForFlow(config, wanted ?? FLOW_SAMPLERS.find((flow) => flow === scheduler?.sampler), schedule) };
  const sampler = wanted ?? scheduler!.sampler;
  if (sampler === 'flow-euler') throw refusal('sampler', `flow-euler is for flow models; this one predicts ${config.prediction_type}`);
  if (schedule === 'flow') throw refusal('schedule', 'the schedule flow is for flow models; name another one');
  const karras = schedule === undefined ? config.use_karras_sigmas === true : schedule === 'karras';
  if (karras && sampler === 'ddim') {
    const field = schedule === undefined ? 'use_karras_sigmas' : 'schedule';
    throw refusal(
      field,
      `${field}: ddim goes from one training timestep to another; for Karras sigmas name the sampler euler, the same method`,
    );
  }
  const own = config.timestep_spacing ?? scheduler?.spacing ?? 'leading';
  const spacing = schedule === undefined || schedule === 'karras' ? own : schedule;
  return { sampler, prediction: config.prediction_type, spacing, karras, asked: schedule };
}

function chooseForFlow(
  { use_karras_sigmas }: SchedulerConfig,
  wanted: SamplerName | undefined,
  schedule: ScheduleName | undefined,
): Chosen {
  const sampler = wanted ?? FLOW_SAMPLERS[0]!;
  if (!FLOW_SAMPLERS.includes(sampler)) {
    throw refusal('sampler', `${sampler} cannot sample this model, which predicts a flow; name ${FLOW_SAMPLERS.join(' or ')}`);
  }
  if (schedule !== undefined && schedule !== 'flow') {
    throw refusal('schedule', `the schedule ${schedule} is not for flow models; leave it out`);
  }
  if (use_karras_sigmas)
    throw refusal('use_karras_sigmas', 'use_karras_sigmas is not for flow models here; set it to false and prepare again');
  return { sampler, prediction: 'flow_prediction', spacing: 'linspace', karras: false, asked: schedule };
}

function requireKnown(field: string, name: string | undefined, names: readonly string[]): void {
  if (name === undefined || names.includes(name)) return;
  throw refusal(field, `${field} is ${JSON.stringify(name)}; it must be one of ${names.join(', ')}`);
}

const refusal = (field: string, message: string): DiptychError => new DiptychError('request_invalid', message, { field });
