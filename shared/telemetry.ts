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
import { MAX_BATCH_EVENTS, MAX_EVENT_AGE_MS } from './telemetry-limits.ts';

export const TELEMETRY_EVENTS = [
  'view',
  'consent',
  'ready',
  'download',
  'generate_start',
  'generate_step_summary',
  'generate_complete',
  'generate_error',
  'cancel',
] as const;

const BACKENDS = ['webgpu', 'wasm'] as const satisfies readonly Backend[];
const ERROR_CODES = Object.keys(ERRORS) as ErrorCode[];
const DAY_MS = 86_400_000;

const integer = v.pipe(v.number(), v.integer(), v.minValue(0));
/** At most 1 TiB an event: eight million of the largest still add up within SQLite's 64-bit integers. */
const bytes = v.pipe(integer, v.maxValue(2 ** 40));
const duration = v.pipe(integer, v.maxValue(DAY_MS));
const stepTime = v.pipe(v.number(), v.minValue(0), v.maxValue(DAY_MS));
/** `GPUAdapterInfo.vendor` and `.architecture`: normalised identifiers such as `nvidia`, `gen-12lp`; empty where the browser will not say. */
const gpuName = v.pipe(v.string(), v.regex(/^[a-z0-9._-]{0,40}$/, 'must be an identifier as WebGPU tells it'));

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
/** Rounding may carry a cosine a little beyond 1. */
const cosine = v.pipe(v.number(), v.minValue(-1.001), v.maxValue(1.001));

interface Column {
  sql: 'TEXT' | 'INTEGER' | 'REAL';
  check: v.GenericSchema;
  /** What the hourly roll-up does with it: rows are grouped by dimensions, sums are added up; the rest is in raw events and histograms alone. */
  roll: 'dimension' | 'sum' | 'none';
}

/** SQLite type, check and roll-up of each column of `telemetry_events` that an event fills, in the table's order. */
export const TELEMETRY_COLUMNS = {
  event: { sql: 'TEXT', roll: 'dimension', check: v.picklist(TELEMETRY_EVENTS) },
  /** Of what the event ends: the opening (`ready`), the download, all steps (`generate_step_summary`), the run. */
  duration_ms: { sql: 'INTEGER', roll: 'sum', check: v.optional(duration) },
  /** Over the network; before `consent`, what will be. */
  bytes: { sql: 'INTEGER', roll: 'sum', check: v.optional(bytes) },
  /** Out of the browser's cache. */
  cached_bytes: { sql: 'INTEGER', roll: 'sum', check: v.optional(bytes) },
  backend: { sql: 'TEXT', roll: 'dimension', check: v.optional(v.picklist(BACKENDS)) },
  gpu_vendor: { sql: 'TEXT', roll: 'dimension', check: v.optional(gpuName) },
  gpu_architecture: { sql: 'TEXT', roll: 'dimension', check: v.optional(gpuName) },
  model: { sql: 'TEXT', roll: 'dimension', check: v.optional(Id) },
  subject: { sql: 'TEXT', roll: 'dimension', check: v.optional(Id) },
  style: { sql: 'TEXT', roll: 'dimension', check: v.optional(Id) },
  rule: { sql: 'TEXT', roll: 'dimension', check: v.optional(v.picklist(RULES)) },
  steps: { sql: 'INTEGER', roll: 'sum', check: v.optional(v.pipe(integer, v.maxValue(1000))) },
  /** The share of all choices (layers x steps) that went to the subject. */
  subject_share: { sql: 'REAL', roll: 'sum', check: v.optional(share) },
  code: { sql: 'TEXT', roll: 'dimension', check: v.optional(v.picklist(ERROR_CODES)) },
  /** Metric guidance: its eta, at most 1; 0 where it was off. */
  guidance: { sql: 'REAL', roll: 'sum', check: v.optional(share) },
  /** Cosine of the finished picture with the subject's references as DINO sees them, and with the style's as CLIP does. */
  score_subject: { sql: 'REAL', roll: 'sum', check: v.optional(cosine) },
  score_style: { sql: 'REAL', roll: 'sum', check: v.optional(cosine) },
  /** Of a visit's first finished run: downloading its files and starting its sessions, milliseconds. */
  load_ms: { sql: 'INTEGER', roll: 'sum', check: v.optional(duration) },
  /** Of a run's steps, milliseconds: the nearest-rank median and 95th percentile. */
  step_p50_ms: { sql: 'REAL', roll: 'none', check: v.optional(stepTime) },
  step_p95_ms: { sql: 'REAL', roll: 'none', check: v.optional(stepTime) },
} as const satisfies Record<string, Column>;

export type TelemetryColumn = keyof typeof TELEMETRY_COLUMNS;

/** What hourly histograms count, each a column of an event; milliseconds. `step`: one count a run, its median step. */
export const TELEMETRY_HISTOGRAMS = {
  ready: { event: 'ready', column: 'duration_ms' },
  load: { event: 'generate_complete', column: 'load_ms' },
  step: { event: 'generate_step_summary', column: 'step_p50_ms' },
  total: { event: 'generate_complete', column: 'duration_ms' },
} as const satisfies Record<string, { event: (typeof TELEMETRY_EVENTS)[number]; column: TelemetryColumn }>;

type Checks = { [Name in TelemetryColumn]: (typeof TELEMETRY_COLUMNS)[Name]['check'] };

const checks = Object.fromEntries(Object.entries(TELEMETRY_COLUMNS).map(([name, { check }]) => [name, check])) as Checks;

/** `age_ms`: how long before the batch was sent. The edge subtracts it from its own clock, so that a visitor's clock is never asked. */
export const TelemetryEvent = v.strictObject({ ...checks, age_ms: v.pipe(integer, v.maxValue(MAX_EVENT_AGE_MS)) });
export type TelemetryEvent = v.InferOutput<typeof TelemetryEvent>;

/** `batch`: a fresh random UUID for each batch; a batch that is sent twice counts once. */
export const TelemetryBatch = v.strictObject({
  batch: v.pipe(v.string(), v.uuid()),
  events: v.pipe(v.array(TelemetryEvent), v.minLength(1), v.maxLength(MAX_BATCH_EVENTS)),
});
export type TelemetryBatch = v.InferOutput<typeof TelemetryBatch>;
