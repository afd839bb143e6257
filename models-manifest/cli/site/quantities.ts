/** Amounts as people write them. Unlimited is Infinity: commander takes null for a missing value. */
import { InvalidArgumentError } from 'commander';

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 };
const BYTES = { '': 1, B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

/** `7d`, `12h`, `30m`, `90s` or `0`, in seconds. */
export function seconds(text: string): number {
  const [, amount, unit] = /^(\d{1,9})([smhd])$/.exec(text === '0' ? '0s' : text) ?? [];
  if (amount !== undefined) return Number(amount) * SECONDS[unit as keyof typeof SECONDS];
  throw new InvalidArgumentError('It must be a duration such as 7d, 12h, 30m, 90s or 0.');
}

/** `50GB`, `1.5TB`, `512MiB`, a number of bytes, or `unlimited`. */
export function bytesOrUnlimited(text: string): number {
  if (text === 'unlimited') return Infinity;
  const [, amount, unit = ''] = /^(\d{1,15}(?:\.\d{1,3})?) ?([kKMGT]i?B|B)?$/.exec(text) ?? [];
  const factor = BYTES[unit as keyof typeof BYTES] as number | undefined;
  const bytes = amount === undefined || factor === undefined ? NaN : Math.round(Number(amount) * factor);
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new InvalidArgumentError('It must be a size such as 50GB, 512MiB or 1000000, or the word unlimited.');
}

/** A whole number, or `unlimited`. */
export function countOrUnlimited(text: string): number {
  if (text === 'unlimited') return Infinity;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number, or the word unlimited.');
}
