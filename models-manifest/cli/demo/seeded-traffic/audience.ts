/** Who comes, with what, and to make what: the invented numbers behind the seeded traffic. */
import type { ErrorCode } from '../../../../shared/errors.ts';
import type { RuleName } from '../../../../shared/rules.ts';

export interface SeededSite {
  id: string;
  name: string;
  origins: string[];
  /** Of all visits. */
  weight: number;
  /** Hour of the day (UTC) with the most visits. */
  peakHour: number;
  /** Visits of a Saturday or Sunday over those of a working day. */
  weekend: number;
  /** Where in the period it opens; 0 is before it. */
  opens: number;
  model: SeededModel;
}

interface SeededModel {
  id: string;
  /** What a first visit downloads. */
  bytes: number;
  /** A step's time over that of the demo model. */
  cost: number;
  /** Whether it runs without WebGPU. */
  fitsWasm: boolean;
}

const DEMO_MODEL: SeededModel = { id: 'demo', bytes: 13_600_000, cost: 1, fitsWasm: true };
const LARGE_MODEL: SeededModel = { id: 'sd15', bytes: 1_720_000_000, cost: 9, fitsWasm: false };

/** Their ids are the seed's own, and they have no key: no page can name them, so no real visit is ever counted there. */
export const SEEDED_SITES: readonly SeededSite[] = [
  {
    id: 'seeded-atelier',
    name: 'Atelier (seeded)',
    origins: ['https://atelier.example'],
    weight: 0.4,
    peakHour: 19,
    weekend: 0.85,
    opens: 0,
    model: DEMO_MODEL,
  },
  {
    id: 'seeded-arcade',
    name: 'Arcade (seeded)',
    origins: ['https://arcade.example'],
    weight: 0.28,
    peakHour: 21,
    weekend: 1.7,
    opens: 0,
    model: LARGE_MODEL,
  },
  {
    id: 'seeded-classroom',
    name: 'Classroom (seeded)',
    origins: ['https://*.classroom.example'],
    weight: 0.22,
    peakHour: 10,
    weekend: 0.1,
    opens: 0,
    model: DEMO_MODEL,
  },
  {
    id: 'seeded-postcards',
    name: 'Postcards (seeded)',
    origins: ['https://postcards.example'],
    weight: 0.1,
    peakHour: 15,
    weekend: 1.1,
    opens: 0.4,
    model: DEMO_MODEL,
  },
];

/** The site with the launch, and where in the period it lies. */
export const LAUNCH = { site: 'seeded-atelier', at: 0.6, factor: 4, fadeDays: 3 };

/** The day on which downloads failed: where in the period, from and to which hour (UTC), and the share of downloads. */
export const INCIDENT = { at: 0.8, fromHour: 7, toHour: 21, failing: 0.8 };

/** Visits of the last day over those of the first. */
export const GROWTH = 2.4;

/** `stepMs`: the median of the demo model's step; `spread`: standard deviation of its logarithm. */
export const ENGINES = [
  { weight: 0.24, backend: 'webgpu', vendor: 'nvidia', architecture: 'ampere', stepMs: 21, spread: 0.35 },
  { weight: 0.15, backend: 'webgpu', vendor: 'nvidia', architecture: 'ada-lovelace', stepMs: 14, spread: 0.3 },
  { weight: 0.17, backend: 'webgpu', vendor: 'apple', architecture: 'metal-3', stepMs: 34, spread: 0.4 },
  { weight: 0.13, backend: 'webgpu', vendor: 'intel', architecture: 'gen-12lp', stepMs: 120, spread: 0.45 },
  { weight: 0.09, backend: 'webgpu', vendor: 'amd', architecture: 'rdna-3', stepMs: 19, spread: 0.35 },
  { weight: 0.06, backend: 'webgpu', vendor: 'qualcomm', architecture: 'adreno-7xx', stepMs: 170, spread: 0.5 },
  { weight: 0.03, backend: 'webgpu', vendor: 'arm', architecture: 'valhall', stepMs: 240, spread: 0.5 },
  { weight: 0.13, backend: 'wasm', vendor: '', architecture: '', stepMs: 620, spread: 0.55 },
] as const;
export type SeededEngine = (typeof ENGINES)[number];

export const RULES_USED = [
  { weight: 0.62, rule: 'kl' },
  { weight: 0.12, rule: 'k-lora' },
  { weight: 0.09, rule: 'direct' },
  { weight: 0.06, rule: 'np-lora' },
  { weight: 0.04, rule: 'l2' },
  { weight: 0.03, rule: 'block' },
  { weight: 0.03, rule: 'subject-only' },
  { weight: 0.01, rule: 'style-only' },
] as const satisfies readonly { weight: number; rule: RuleName }[];

export const GUIDANCE_USED = [
  { weight: 0.72, eta: 0 },
  { weight: 0.2, eta: 0.05 },
  { weight: 0.08, eta: 0.1 },
] as const;

/** Of runs on an ordinary day. */
export const FAILURES = [
  { weight: 0.45, code: 'download_failed' },
  { weight: 0.35, code: 'session_failed' },
  { weight: 0.15, code: 'engine_died' },
  { weight: 0.05, code: 'internal' },
] as const satisfies readonly { weight: number; code: ErrorCode }[];

export const INCIDENT_FAILURES = [
  { weight: 0.85, code: 'download_failed' },
  { weight: 0.15, code: 'blob_size_mismatch' },
] as const satisfies readonly { weight: number; code: ErrorCode }[];
