import type { SchedulerConfig } from '../../shared/manifest.ts';

const { fround } = Math;

/**
 * Of a schedule that ends in pure noise, signal power 0 is taken for this: sigma stays finite (2^24), and what is left of the signal is
 * below float32's last bit.
 */
export const NO_SIGNAL = 2 ** -48;

/** What the reference's Euler and DPM-Solver take for it: sigma ends at 4096. */
export const LITTLE_SIGNAL = 2 ** -24;

/**
 * sigma of every training timestep: sqrt((1 - a) / a), a the cumulative signal power of the forward process. In single precision, as the
 * reference computes it: the timestep of a small sigma depends on a's last bits. `leastPower` bounds a of a process whose terminal
 * signal-to-noise ratio is rescaled to zero.
 */
export function noiseLevels(config: SchedulerConfig, leastPower: number): Float64Array {
  const trained = betas(config);
  const powers = config.rescale_betas_zero_snr
    ? cumulative(zeroTerminalSnr(trained)).map((power) => Math.max(power, leastPower))
    : cumulative(trained);
  return Float64Array.from(powers, (power) => fround(Math.sqrt(fround(fround(1 - power) / power))));
}

/** The level at a timestep between two; beyond the ends it stays. */
export function levelAt(levels: Float64Array, timestep: number): number {
  const t = Math.min(Math.max(timestep, 0), levels.length - 1);
  const low = Math.floor(t);
  const [from, to] = [levels[low]!, levels[Math.min(low + 1, levels.length - 1)]!];
  return from + (to - from) * (t - low);
}

/** The timestep at which the network saw noise of level `sigma`: linear in log sigma between two timesteps, as the reference has it. */
export function timestepAt(levels: Float64Array, sigma: number): number {
  const low = Math.min(
    Math.max(
      levels.findLastIndex((level) => level <= sigma),
      0,
    ),
    levels.length - 2,
  );
  const [from, to] = [Math.log(levels[low]!), Math.log(levels[low + 1]!)];
  return low + Math.min(Math.max((Math.log(sigma) - from) / (to - from), 0), 1);
}

function betas(config: SchedulerConfig): Float32Array {
  const { beta_schedule, beta_start, beta_end, num_train_timesteps: count, trained_betas } = config;
  if (trained_betas) return Float32Array.from(trained_betas);
  switch (beta_schedule) {
    case 'linear':
      return line(beta_start, beta_end, count);
    case 'scaled_linear':
      return line(Math.sqrt(beta_start), Math.sqrt(beta_end), count).map((root) => root ** 2);
    case 'squaredcos_cap_v2':
      return Float32Array.from({ length: count }, (_, i) => Math.min(1 - cosinePower((i + 1) / count) / cosinePower(i / count), 0.999));
  }
}

/** From both ends towards the middle, so that both are exact. */
function line(from: number, to: number, count: number): Float32Array {
  const [start, end] = [fround(from), fround(to)];
  const step = fround(fround(end - start) / Math.max(1, count - 1));
  return Float32Array.from({ length: count }, (_, i) => (i < count / 2 ? start + step * i : end - step * (count - 1 - i)));
}

/** Nichol & Dhariwal 2021 (arXiv 2102.09672), equation 17. */
function cosinePower(t: number): number {
  return Math.cos((((t + 0.008) / 1.008) * Math.PI) / 2) ** 2;
}

function cumulative(values: Float32Array): Float32Array {
  let power = 1;
  return values.map((beta) => (power *= fround(1 - beta)));
}

/** Lin et al. 2024 (arXiv 2305.08891), algorithm 1: shifts and scales the amplitudes so that the last timestep is pure noise. */
function zeroTerminalSnr(betas: Float32Array): Float32Array {
  const amplitudes = cumulative(betas).map(Math.sqrt);
  const [first, last] = [amplitudes[0]!, amplitudes.at(-1)!];
  const scale = fround(first / fround(first - last));
  const powers = amplitudes.map((amplitude) => fround(fround(amplitude - last) * scale) ** 2);
  return powers.map((power, i) => 1 - fround(i === 0 ? power : power / powers[i - 1]!));
}
