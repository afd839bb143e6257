import { exactQuantile } from '../../shared/nearest-rank.ts';
import type { TelemetryBatch, TelemetryEvent } from '../../shared/telemetry.ts';

/** Numbers in [0, 1), the same for the same seed: a linear congruential generator with the constants of Numerical Recipes. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

type Random = () => number;

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
const upTo = (random: Random, below: number): number => Math.floor(random() * below);

/** In another order, each as likely. */
export function shuffled<T>(random: Random, list: readonly T[]): T[] {
  const order = [...list];
  for (let i = order.length - 1; i > 0; i--) {
    const j = upTo(random, i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

const ENGINES = [
  { backend: 'webgpu', gpu_vendor: 'nvidia', gpu_architecture: 'ada-lovelace' },
  { backend: 'webgpu', gpu_vendor: 'apple', gpu_architecture: 'metal-3' },
  { backend: 'webgpu', gpu_vendor: 'intel', gpu_architecture: 'gen-12lp' },
  { backend: 'wasm', gpu_vendor: '', gpu_architecture: '' },
] as const;

/** One visit's batch: it opens the studio, and may go on to make a picture, cancel it or fail. Ages go back up to a day. */
function visit(random: Random): TelemetryBatch {
  const engine = pick(random, ENGINES);
  const run = {
    model: pick(random, ['sd15', 'sdxl']),
    subject: pick(random, ['pip', 'bok', 'fox']),
    style: pick(random, ['knit', 'ink']),
    rule: pick(random, ['kl', 'l2'] as const),
    guidance: pick(random, [0, 0.05, 0.1]),
    ...engine,
  };
  const events: Omit<TelemetryEvent, 'age_ms'>[] = [{ event: 'view' }];
  if (random() < 0.9) events.push({ event: 'ready', duration_ms: 100 + upTo(random, 3000), ...engine });
  if (random() < 0.7) events.push({ event: 'consent', bytes: 3_000_000_000, model: run.model }, { event: 'generate_start', ...run });
  if (events.at(-1)!.event === 'generate_start') events.push(...ending(random, run));
  const oldest = upTo(random, 86_400_000);
  const batch = { batch: uuid(random), events: events.map((event, i) => ({ ...event, age_ms: Math.floor(oldest / (i + 1)) })) };
  return batch;
}

function ending(random: Random, run: Omit<TelemetryEvent, 'event' | 'age_ms'>): Omit<TelemetryEvent, 'age_ms'>[] {
  const fate = random();
  if (fate < 0.1) return [{ event: 'cancel', duration_ms: upTo(random, 9000), ...run }];
  if (fate < 0.2) return [{ event: 'generate_error', code: pick(random, ['session_failed', 'blob_corrupt'] as const), ...run }];
  const cached = random() < 0.5;
  const pace = 20 + 2000 * random() ** 3;
  const stepMs = Array.from({ length: 20 }, () => Math.round(10 * pace * (0.9 + 0.2 * random())) / 10);
  const steps = { steps: 20, duration_ms: Math.round(stepMs.reduce((sum, ms) => sum + ms, 0)) };
  const bytes = { bytes: cached ? 0 : 3_000_000_000, cached_bytes: cached ? 3_000_000_000 : upTo(random, 1e9) };
  return [
    { event: 'download', duration_ms: upTo(random, 60_000), ...bytes, model: run.model },
    {
      event: 'generate_step_summary',
      ...run,
      ...steps,
      step_p50_ms: exactQuantile(stepMs, 0.5),
      step_p95_ms: exactQuantile(stepMs, 0.95),
    },
    {
      event: 'generate_complete',
      ...run,
      steps: 20,
      duration_ms: steps.duration_ms + 2500,
      load_ms: upTo(random, 70_000),
      subject_share: random(),
      score_subject: random() * 2 - 1,
      score_style: random(),
    },
  ];
}

/** A version 4 UUID of the generator's numbers. */
function uuid(random: Random): string {
  const digits = Array.from({ length: 32 }, () => upTo(random, 16).toString(16));
  digits[12] = '4';
  digits[16] = '8';
  return digits.join('').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Batches of visits to `sites` that hold exactly `events` events. */
export function traffic(
  random: Random,
  { sites, events }: { sites: readonly string[]; events: number },
): { site: string; batch: TelemetryBatch }[] {
  const batches: { site: string; batch: TelemetryBatch }[] = [];
  for (let left = events; left > 0;) {
    const { batch, events } = visit(random);
    batches.push({ site: pick(random, sites), batch: { batch, events: events.slice(0, left) } });
    left -= Math.min(left, events.length);
  }
  return batches;
}
