import { type Breakdown, PART_SEPARATOR } from '../../../shared/analytics.ts';
import { type ErrorCode, ERRORS } from '../../../shared/errors.ts';
import type { TELEMETRY_EVENTS } from '../../../shared/telemetry.ts';
import type { Filter } from '../view-state.ts';

type EventName = (typeof TELEMETRY_EVENTS)[number];

export const DIMENSION_LABELS: Readonly<Record<Breakdown, string>> = {
  gpu_class: 'GPU class',
  backend: 'Backend',
  model: 'Model',
  subject: 'Subject',
  style: 'Style',
  pair: 'Pair',
  rule: 'Rule',
  code: 'Error code',
  site: 'Site',
};

/** A dimension's value for people; `siteName` tells a site's name. */
export function valueText(dimension: Breakdown, value: string, siteName = (id: string): string => id): string {
  const [first = '', second = ''] = value.split(PART_SEPARATOR);
  if (dimension === 'site') return siteName(value);
  if (dimension === 'gpu_class') return [first, second].filter(Boolean).join(' ') || 'No GPU told';
  if (dimension === 'pair') return `${first || 'no subject'} × ${second || 'no style'}`;
  if (dimension === 'backend') return BACKEND_LABELS[value] ?? value;
  if (value !== '') return value;
  return NONE[dimension] ?? 'None told';
}

const BACKEND_LABELS: Readonly<Record<string, string>> = { webgpu: 'WebGPU', wasm: 'WebAssembly', '': 'None told' };
const NONE: Partial<Record<Breakdown, string>> = { subject: 'No subject', style: 'No style', code: 'No error' };

export const errorTitle = (code: string): string => (Object.hasOwn(ERRORS, code) ? ERRORS[code as ErrorCode].title : '');

const ENGINE = ['ready', 'generate_start', 'generate_step_summary', 'generate_complete', 'generate_error', 'cancel'] as const;
const RUN = ['generate_start', 'generate_step_summary', 'generate_complete', 'generate_error', 'cancel'] as const;

/** The events that carry a dimension (docs/telemetry.md); undefined: all. */
const CARRIED: Readonly<Record<Breakdown, readonly EventName[] | undefined>> = {
  gpu_class: ENGINE,
  backend: ENGINE,
  model: ['consent', 'download', ...RUN],
  subject: RUN,
  style: RUN,
  pair: RUN,
  rule: RUN,
  code: ['generate_error'],
  site: undefined,
};

/** Whether events of this kind carry the dimension. */
export const isDimensionOf = (dimension: Breakdown, event: EventName): boolean => CARRIED[dimension]?.includes(event) !== false;

/**
 * Whether events of this kind can pass the filters at all. One that does not carry what is filtered by counts as `''` there, so only a filter for
 * that lets it pass.
 */
export function isCounted(event: EventName, filters: readonly Filter[]): boolean {
  return [...new Set(filters.map(({ dimension }) => dimension))].every(
    (dimension) =>
      isDimensionOf(dimension, event) ||
      filters.some((filter) => filter.dimension === dimension && filter.value.replace(PART_SEPARATOR, '') === ''),
  );
}

/** The filtered dimensions that events of this kind do not carry, for people: `GPU class and Pair`. */
export function uncarried(event: EventName, filters: readonly Filter[]): string {
  const names = [...new Set(filters.map(({ dimension }) => dimension))].filter((name) => !isDimensionOf(name, event));
  return names.map((name) => DIMENSION_LABELS[name]).join(' and ');
}
