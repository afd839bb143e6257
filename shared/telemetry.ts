/**
 * What is recorded about a visit. One table of columns: validation, the database's columns and the insert all derive from it.
 *
 * Every text is an identifier, one of a list, or a GPU's name as WebGPU tells it; unknown fields are refused. So a prompt, a picture, an address
 * or anything that would know a visitor again cannot get in, even by mistake.
 */
import * as v from 'valibot';
import { ERRORS, type ErrorCode } from './errors.ts';
import { Id } from './manifest.ts';
import type { Backend } from './protocol.ts';
import { RULES } from './rules.ts';

export const TELEMETRY_EVENTS = [
  'view',
  'consent',
  'ready',
  'download',
  'generate_start',
  'generate_complete',
  'generate_error',
  'cancel',
] as const;

const BACKENDS = ['webgpu', 'wasm'] as const satisfies readonly Backend[];
const ERROR_CODES = Object.keys(ERRORS) as ErrorCode[];
const DAY_MS = 86_400_000;

const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
const duration = v.pipe(count, v.maxValue(DAY_MS));
/** `GPUAdapterInfo.vendor` and `.architecture`: normalised identifiers such as `nvidia`, `gen-12lp`; empty where the browser will not say. */
const gpuName = v.pipe(v.string(), v.regex(/^[a-z0-9._-]{0,40}$/, 'must be an identifier as WebGPU tells it'));

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
/** Rounding may carry a cosine a little beyond 1. */
const cosine = v.pipe(v.number(), v.minValue(-1.001), v.maxValue(1.001));

/** SQLite type and check of each column of `telemetry_events` that an event fills. */
export const TELEMETRY_COLUMNS = {
  event: { sql: 'TEXT', check: v.picklist(TELEMETRY_EVENTS) },
  /** Of what the event ends: the download, the run. */
  duration_ms: { sql: 'INTEGER', check: v.optional(duration) },
  bytes: { sql: 'INTEGER', check: v.optional(count) },
  cached_bytes: { sql: 'INTEGER', check: v.optional(count) },
  backend: { sql: 'TEXT', check: v.optional(v.picklist(BACKENDS)) },
  gpu_vendor: { sql: 'TEXT', check: v.optional(gpuName) },
  gpu_architecture: { sql: 'TEXT', check: v.optional(gpuName) },
  model: { sql: 'TEXT', check: v.optional(Id) },
  subject: { sql: 'TEXT', check: v.optional(Id) },
  style: { sql: 'TEXT', check: v.optional(Id) },
  rule: { sql: 'TEXT', check: v.optional(v.picklist(RULES)) },
  steps: { sql: 'INTEGER', check: v.optional(v.pipe(count, v.maxValue(1000))) },
  /** The share of all choices (layers x steps) that went to the subject. */
  subject_share: { sql: 'REAL', check: v.optional(share) },
  code: { sql: 'TEXT', check: v.optional(v.picklist(ERROR_CODES)) },
  /** Metric guidance: its eta, at most 1; 0 where it was off. */
  guidance: { sql: 'REAL', check: v.optional(share) },
  /** Cosine of the finished picture with the subject's references as DINO sees them, and with the style's as CLIP does. */
  score_subject: { sql: 'REAL', check: v.optional(cosine) },
  score_style: { sql: 'REAL', check: v.optional(cosine) },
} as const satisfies Record<string, { sql: 'TEXT' | 'INTEGER' | 'REAL'; check: v.GenericSchema }>;

type Checks = { [Name in keyof typeof TELEMETRY_COLUMNS]: (typeof TELEMETRY_COLUMNS)[Name]['check'] };

const checks = Object.fromEntries(Object.entries(TELEMETRY_COLUMNS).map(([name, { check }]) => [name, check])) as Checks;

/** `age_ms`: how long before the batch was sent. The edge subtracts it from its own clock, so that a visitor's clock is never asked. */
export const TelemetryEvent = v.strictObject({ ...checks, age_ms: duration });
export type TelemetryEvent = v.InferOutput<typeof TelemetryEvent>;

/** `batch`: a fresh random UUID for each batch; a batch that is sent twice counts once. */
export const TelemetryBatch = v.strictObject({
  batch: v.pipe(v.string(), v.uuid()),
  events: v.pipe(v.array(TelemetryEvent), v.minLength(1), v.maxLength(100)),
});
export type TelemetryBatch = v.InferOutput<typeof TelemetryBatch>;

/** `navigator.sendBeacon` queues no more than 64 KiB. */
export const MAX_TELEMETRY_BYTES = 64 * 1024;
