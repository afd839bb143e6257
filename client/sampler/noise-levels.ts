import type { SchedulerConfig } from '../../shared/manifest.ts';

/**
 * Of a schedule that ends in pure noise, signal power 0 is taken for this: sigma stays finite (2^24), and what is left of the signal is
 * below float32's last bit.
 */
const LEAST_SIGNAL_POWER = 2 ** -48;

/** sigma of every training timestep, in double precision: sqrt((1 - a) / a), a the cumulative signal power of the forward process. */
export function noiseLevels(config: SchedulerConfig): Float64Array {
  const powers = cumulative(betas(config));
  const rescaled = config.rescale_betas_zero_snr ? zeroTerminalSnr(powers) : powers;
  return rescaled.map((power) => Math.sqrt((1 - power) / power));
}

function betas({ beta_schedule, beta_start, beta_end, num_train_timesteps: count }: SchedulerConfig): Float64Array {
  const between = (from: number, to: number, i: number) => from + ((to - from) * i) / Math.max(1, count - 1);
  const beta = {
    linear: (i: number) => between(beta_start, beta_end, i),
    scaled_linear: (i: number) => between(Math.sqrt(beta_start), Math.sqrt(beta_end), i) ** 2,
    squaredcos_cap_v2: (i: number) => Math.min(1 - cosinePower((i + 1) / count) / cosinePower(i / count), 0.999),
  }[beta_schedule];
  return Float64Array.from({ length: count }, (_, i) => beta(i));
}

/** Nichol & Dhariwal 2021 (arXiv 2102.09672), equation 17. */
function cosinePower(t: number): number {
  return Math.cos((((t + 0.008) / 1.008) * Math.PI) / 2) ** 2;
}

function cumulative(values: Float64Array): Float64Array {
  let power = 1;
  return values.map((beta) => (power *= 1 - beta));
}

/** Lin et al. 2024 (arXiv 2305.08891), algorithm 1: shifts and scales the amplitudes so that the last timestep is pure noise. */
function zeroTerminalSnr(powers: Float64Array): Float64Array {
  const first = Math.sqrt(powers[0]!);
  const last = Math.sqrt(powers.at(-1)!);
  return powers.map((power) => Math.max((((Math.sqrt(power) - last) * first) / (first - last)) ** 2, LEAST_SIGNAL_POWER));
}
