/** Numbers, shares, bytes, times and dates as people read them: one language, as the page has one; all times are UTC. */
const LOCALE = 'en-GB';

const whole = new Intl.NumberFormat(LOCALE);
const compact = new Intl.NumberFormat(LOCALE, { notation: 'compact', maximumFractionDigits: 1 });
const percent = new Intl.NumberFormat(LOCALE, { style: 'percent', maximumFractionDigits: 1 });

/** What stands for a figure that there is none of. */
export const NO_FIGURE = '–';

export const countText = (count: number): string => whole.format(count);

/** `12.3k`: where room is short. */
export const shortCountText = (count: number): string => compact.format(count);

export const percentText = (share: number | null): string => (share === null ? NO_FIGURE : percent.format(share));

/** Decimal units, as file managers and the studio have them. */
const BYTE_UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'] as const;
const byteFormats = BYTE_UNITS.map(
  (unit) =>
    new Intl.NumberFormat(LOCALE, { style: 'unit', unit, unitDisplay: unit === 'byte' ? 'long' : 'short', maximumSignificantDigits: 3 }),
);

export function bytesText(bytes: number): string {
  // Rounded to three digits, 999.6 kB is 1 MB.
  const step = bytes < 1 ? 0 : Math.floor(Math.log10(Number(bytes.toPrecision(3))) / 3);
  const unit = Math.min(step, BYTE_UNITS.length - 1);
  return byteFormats[unit]!.format(bytes / 1000 ** unit);
}

const threeDigits = new Intl.NumberFormat(LOCALE, { maximumSignificantDigits: 3 });
const TIME_UNITS = [
  { unit: 'ms', size: 1, below: 1000 },
  { unit: 's', size: 1000, below: 60_000 },
  { unit: 'min', size: 60_000, below: 3_600_000 },
  { unit: 'h', size: 3_600_000, below: Infinity },
];

export function durationText(ms: number | null): string {
  if (ms === null) return NO_FIGURE;
  const { unit, size } = TIME_UNITS.find(({ below }) => Number(ms.toPrecision(3)) < below)!;
  // A number and its unit stay on one line.
  return `${threeDigits.format(ms / size)}\u00A0${unit}`;
}

const dayFormat = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short', timeZone: 'UTC' });
const longDayFormat = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });
const monthFormat = new Intl.DateTimeFormat(LOCALE, { month: 'short', year: 'numeric', timeZone: 'UTC' });
const instantFormat = new Intl.DateTimeFormat(LOCALE, {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZone: 'UTC',
});
const hourFormat = new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit', timeZone: 'UTC' });

export const dayText = (iso: string): string => dayFormat.format(new Date(iso));
export const longDayText = (iso: string): string => longDayFormat.format(new Date(iso));
export const monthText = (iso: string): string => monthFormat.format(new Date(iso));
export const hourText = (iso: string): string => hourFormat.format(new Date(iso));
/** `23 Nov 2026, 14:00` */
export const instantText = (iso: string): string => instantFormat.format(new Date(iso));
