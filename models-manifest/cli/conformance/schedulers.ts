/** A file of sampler runs on an analytic network, as `tests/fixtures/schedulers.json`: makes each again, by the engine's samplers. */
import * as v from 'valibot';
import { floatLatents } from '../../../client/sampler/float-latents.ts';
import type { LatentSpace } from '../../../client/sampler/latent-space.ts';
import { LITTLE_SIGNAL, noiseLevels } from '../../../client/sampler/noise-levels.ts';
import { targetsOf } from '../../../client/sampler/paths/path.ts';
import { SAMPLER_OF } from '../../../client/sampler/samplers.ts';
import { scalings } from '../../../client/sampler/scalings.ts';
import { makeSchedule, type Schedule } from '../../../client/sampler/schedule.ts';
import { asDiptychError, DiptychError } from '../../../shared/errors.ts';
import { SchedulerConfig } from '../../../shared/manifest.ts';
import type { SamplerName } from '../../../shared/samplers.ts';
import { maxAbsError } from './compare.ts';
import type { Outcome } from './run.ts';

const numbers = v.array(v.number());

const Run = v.object({
  sampler: v.string(),
  steps: v.number(),
  prediction_type: v.string(),
  spacing: v.string(),
  options: v.optional(v.record(v.string(), v.unknown()), {}),
  timesteps: numbers,
  sigmas: v.optional(numbers),
  init_noise_sigma: v.number(),
  final: numbers,
});
type Run = v.InferOutput<typeof Run>;

export const SchedulersFile = v.object({
  start: numbers,
  network: v.string(),
  betas: v.record(v.string(), v.unknown()),
  cases: v.array(Run),
});
export type SchedulersFile = v.InferOutput<typeof SchedulersFile>;

export interface SchedulerOutcome extends Outcome {
  /** Largest error of what the network was told, of the noise levels (relative above 1), and of the initial noise scale. */
  timestepError?: number;
  sigmaError?: number;
  initialScaleError?: number;
}

/** Largest errors: of the final sample, of the timesteps (a millionth of the training process), of sigmas and initial noise scale. */
const TOLERANCE = { final: 1e-4, timesteps: 1e-3, sigmas: 1e-4 } as const;

/** Of the final sample also this many times what single precision rounds off the largest number on the way: the file's runs were float32. */
const ROUNDINGS = 8;

/** The file's names where they are not ours. */
const SAMPLERS: Readonly<Record<string, SamplerName>> = { dpmpp_2m: 'dpmpp-2m' };

/** The samplers whose latent has unit variance at the start, and not x0 + sigma noise. */
const VARIANCE_PRESERVING: ReadonlySet<SamplerName> = new Set(['ddim', 'dpmpp-2m', 'lcm']);

/** One outcome for each run of the file, as it comes. */
export async function* runSchedulers(file: SchedulersFile): AsyncGenerator<SchedulerOutcome> {
  const network = parseNetwork(file.network);
  for (const [index, run] of file.cases.entries()) {
    const options = Object.entries(run.options).flatMap(([name, value]) =>
      value === true && name.startsWith('use_') ? [name.slice(4)] : [],
    );
    const name = [index + 1, run.sampler, run.prediction_type, run.spacing, run.steps, ...options].join(' ');
    try {
      yield { name, ...(await judge(file, run, network)) };
    } catch (thrown) {
      const { code, message } = asDiptychError(thrown);
      yield { name, status: 'FAIL', tolerance: TOLERANCE.final, reason: `${code}: ${message}` };
    }
  }
}

type Network = (x: number, t: number) => number;

async function judge(file: SchedulersFile, run: Run, network: Network): Promise<Omit<SchedulerOutcome, 'name'>> {
  const config = configOf(file, run);
  const schedule = scheduleOf(config, run);
  const called: { timestep: number; sigma: number }[] = [];
  const denoise = async (x: Float32Array, sigma: number, timestep: number) => {
    called.push({ timestep, sigma });
    const { cIn, cSkip, cOut } = scalings(schedule.prediction, sigma);
    return x.map((value) => cSkip * value + cOut * network(cIn * value, timestep));
  };
  const noise = () => {
    throw new DiptychError('request_invalid', `${run.sampler} adds noise, which the file does not hold`, { field: 'sampler' });
  };
  const x = Float32Array.from(file.start, (value) => value * schedule.initialScale);
  const space = new MeasuredLatents(x);
  const final = await SAMPLER_OF[schedule.sampler]({ space, denoise, schedule, x, noise });
  const scale = VARIANCE_PRESERVING.has(schedule.sampler) ? Math.hypot(1, schedule.sigmas[0]!) : 1;
  const tolerance = Math.max(TOLERANCE.final, ROUNDINGS * 2 ** -24 * space.largest);
  const timesteps = called.map((call) => call.timestep);
  const errors = {
    maxAbsError: maxAbsError(final, run.final),
    timestepError: maxAbsError(timesteps, run.timesteps),
    sigmaError: run.sigmas ? sigmaError(sigmasAsTold(config, run, schedule, called), run.sigmas) : 0,
    initialScaleError: sigmaError([schedule.initialScale / scale], [run.init_noise_sigma]),
  };
  const limits = {
    maxAbsError: tolerance,
    timestepError: TOLERANCE.timesteps,
    sigmaError: TOLERANCE.sigmas,
    initialScaleError: TOLERANCE.sigmas,
  };
  const off = (Object.keys(errors) as (keyof typeof errors)[]).filter((what) => !(errors[what] <= limits[what]));
  const reason = off.map((what) => `${what} ${errors[what].toExponential(2)}`).join(', ');
  return { status: off.length === 0 ? 'pass' : 'FAIL', tolerance, ...errors, ...(reason === '' ? {} : { reason }) };
}

/** Latents in memory that know the largest number that was added up. */
class MeasuredLatents implements LatentSpace<Float32Array> {
  readonly release = floatLatents.release;
  largest: number;

  constructor(start: Float32Array) {
    this.largest = largestOf(start);
  }

  combine(terms: readonly (readonly [coefficient: number, latent: Float32Array])[]): Promise<Float32Array> {
    this.largest = Math.max(this.largest, ...terms.map(([coefficient, latent]) => Math.abs(coefficient) * largestOf(latent)));
    return floatLatents.combine(terms);
  }
}

const largestOf = (latent: Float32Array): number => latent.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

function sigmaError(actual: readonly number[], expected: readonly number[]): number {
  const unit = expected.map((sigma) => Math.max(1, sigma));
  return maxAbsError(
    actual.map((sigma, i) => sigma / (unit[i] ?? 1)),
    expected.map((sigma, i) => sigma / unit[i]!),
  );
}

/** The offset is that of Stable Diffusion's configs, of which the file says nothing. */
function configOf({ betas }: SchedulersFile, { prediction_type, spacing, options, sampler, sigmas }: Run): SchedulerConfig {
  const early = sampler === 'dpmpp_2m' && isEarly(sigmas);
  const given = { steps_offset: 1, ...(early ? { final_sigmas_type: 'sigma_min' } : {}), ...betas, ...options };
  const parsed = v.safeParse(SchedulerConfig, { ...given, prediction_type, timestep_spacing: spacing });
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const field = v.getDotPath(issue) ?? 'options';
  throw new DiptychError('request_invalid', `${field}: ${issue.message}`, { field });
}

function scheduleOf(config: SchedulerConfig, { sampler, steps, sigmas }: Run): Schedule {
  const schedule = makeSchedule(config, steps, { sampler: SAMPLERS[sampler] ?? (sampler as SamplerName) });
  return schedule.sampler === 'dpmpp-2m' && isEarly(sigmas) ? atWholeTimesteps(schedule, config) : schedule;
}

/**
 * Early editions of the reference's DPM-Solver++ list their sigmas from low to high, all of the training process or Karras', and step between
 * whole timesteps; later ones list those of the steps, from high to low.
 */
const isEarly = (sigmas: readonly number[] = []): boolean => sigmas.at(-1)! >= sigmas[0]!;

/** As early editions step: each timestep once, at its own noise level. Of Karras sigmas in one step they take the lowest. */
function atWholeTimesteps(schedule: Schedule, config: SchedulerConfig): Schedule {
  const levels = noiseLevels(config, LITTLE_SIGNAL);
  const onlyLowest = config.use_karras_sigmas === true && schedule.timesteps.length === 1;
  const timesteps = onlyLowest ? [0] : [...new Set(schedule.timesteps)];
  const sigmas = timesteps.map((t) => levels[t]!);
  return { ...schedule, timesteps, sigmas, targets: targetsOf(sigmas, levels[0]!), initialScale: Math.hypot(1, sigmas[0]!) };
}

/** The noise levels as the reference lists them: one a call of the network and the end, or as early editions do. */
function sigmasAsTold(config: SchedulerConfig, run: Run, schedule: Schedule, called: readonly { sigma: number }[]): number[] {
  if (schedule.sampler !== 'dpmpp-2m' || !isEarly(run.sigmas)) {
    return [...called.map(({ sigma }) => sigma), schedule.targets.at(-1)!];
  }
  if (!config.use_karras_sigmas) return [...noiseLevels(config, LITTLE_SIGNAL)];
  return run.steps === 1 ? schedule.sigmas : makeSchedule(config, run.steps, { sampler: 'dpmpp-2m' }).sigmas.toReversed();
}

const NUMBER = String.raw`(-?\d+(?:\.\d+)?)`;
const NETWORK = new RegExp(
  String.raw`^${NUMBER}\*sin\(${NUMBER}\*x \+ ${NUMBER}\*t\) \+ ${NUMBER}\*x\*t/1000 where x is the scaled network input`,
);

/** `a*sin(b*x + c*t) + d*x*t/1000` for the four numbers of the file's text. */
function parseNetwork(text: string): Network {
  const match = NETWORK.exec(text);
  if (!match) {
    throw new DiptychError('request_invalid', `network is ${JSON.stringify(text)}; it must be a*sin(b*x + c*t) + d*x*t/1000`, {
      field: 'network',
    });
  }
  const [a, b, c, d] = match.slice(1).map(Number) as [number, number, number, number];
  return (x, t) => a * Math.sin(b * x + c * t) + (d * x * t) / 1000;
}
