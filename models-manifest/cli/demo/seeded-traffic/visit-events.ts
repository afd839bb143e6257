import { exactQuantile } from '../../../../shared/nearest-rank.ts';
import type { TelemetryEvent } from '../../../../shared/telemetry.ts';
import {
  ENGINES,
  FAILURES,
  GUIDANCE_USED,
  INCIDENT,
  INCIDENT_FAILURES,
  RULES_USED,
  type SeededEngine,
  type SeededSite,
} from './audience.ts';
import type { RandomSource } from './random-source.ts';

/** An event, and when it happened: milliseconds since 1970. */
export interface TimedEvent {
  at: number;
  event: Omit<TelemetryEvent, 'age_ms'>;
}

export interface Pair {
  subject: string;
  style: string;
  weight: number;
}

/** All pairs of the catalogue, with a long tail: the weight of the n-th is 1 / n (Zipf's law). */
export function pairsOf(random: RandomSource, loras: readonly { id: string; kind: 'subject' | 'style' }[]): Pair[] {
  const ids = (kind: string): string[] => loras.filter((lora) => lora.kind === kind).map(({ id }) => id);
  const pairs = ids('subject').flatMap((subject) => ids('style').map((style) => ({ subject, style, order: random.uniform() })));
  return pairs.toSorted((a, b) => a.order - b.order).map(({ subject, style }, i) => ({ subject, style, weight: 1 / (i + 1) }));
}

const STEPS = 20;
/** Of visits: those that come again, with all in the browser's cache. */
const RETURNING = 0.34;
/** Of first visits: those that agree to the download; of returning ones: those that start a run. */
const CONSENTING = 0.58;
const RUNNING = 0.82;
const MAX_RUNS = 8;
/** Of runs on an ordinary day; of visits in which the engine never answers; of runs that the visitor stops. */
const FAILING = 0.012;
const NEVER_READY = 0.03;
const CANCELLING = 0.04;
/** Of visitors with a new picture, and of those whose run came to nothing: who leaves. */
const CONTENT = 0.42;
const LEAVING = 0.6;

interface Visit {
  random: RandomSource;
  site: SeededSite;
  engine: SeededEngine;
  pairs: readonly Pair[];
  incident: boolean;
}

/** What happens in one visit, as the studio would record it. */
export function visitEvents(
  random: RandomSource,
  { site, at, pairs, incident }: { site: SeededSite; at: number; pairs: readonly Pair[]; incident: boolean },
): TimedEvent[] {
  const engine = random.pick(ENGINES);
  const visit: Visit = { random, site, engine, pairs, incident };
  const events: TimedEvent[] = [{ at, event: { event: 'view' } }];
  if (random.chance(NEVER_READY)) return events;
  const readyMs = Math.round(random.logNormal(engine.backend === 'wasm' ? 1500 : 900, 0.5));
  events.push({ at: at + readyMs, event: { event: 'ready', duration_ms: readyMs, ...engineFields(engine) } });
  const returning = random.chance(RETURNING);
  if (!random.chance(returning ? RUNNING : CONSENTING)) return events;
  let now = at + readyMs + Math.round(random.logNormal(9000, 0.8));
  if (!returning) events.push({ at: now, event: { event: 'consent', bytes: site.model.bytes, model: site.model.id } });
  if (engine.backend === 'wasm' && !site.model.fitsWasm) return [...events, ...unsupported(visit, now)];
  let cached = returning;
  let first = true;
  for (let run = 0; run < MAX_RUNS; run++) {
    const { events: made, end, finished } = runEvents(visit, now, { cached, first });
    events.push(...made);
    first &&= !finished;
    if (random.chance(finished ? CONTENT : LEAVING)) break;
    cached ||= finished;
    now = end + Math.round(random.logNormal(15_000, 0.7));
  }
  return events;
}

function unsupported(visit: Visit, at: number): TimedEvent[] {
  const run = runFields(visit);
  return [
    { at, event: { event: 'generate_start', ...run } },
    { at: at + 40, event: { event: 'generate_error', code: 'model_too_large_for_wasm', duration_ms: 40, ...run } },
  ];
}

/** `first`: of the visit, so that its sessions have to be started. */
interface Run {
  at: number;
  cached: boolean;
  first: boolean;
  fields: ReturnType<typeof runFields>;
  downloadMs: number;
}

/** One run: it fails, is cancelled, or finishes with a picture. */
function runEvents(
  visit: Visit,
  at: number,
  { cached, first }: { cached: boolean; first: boolean },
): { events: TimedEvent[]; end: number; finished: boolean } {
  const { random, site } = visit;
  const fields = runFields(visit);
  const start: TimedEvent = { at, event: { event: 'generate_start', ...fields } };
  const endedAfter = (ms: number, event: TimedEvent['event']) => ({
    events: [start, { at: at + ms, event: { ...event, duration_ms: ms } }],
    end: at + ms,
    finished: false,
  });
  // The incident was of downloads: it spares whoever has the files.
  const struck = visit.incident && !cached;
  if (random.chance(struck ? INCIDENT.failing : FAILING)) {
    const { code } = struck ? random.pick(INCIDENT_FAILURES) : random.pick(FAILURES);
    return endedAfter(Math.round(random.logNormal(4000, 0.8)), { event: 'generate_error', code, ...fields });
  }
  const downloadMs = Math.round(cached ? random.logNormal(60, 0.4) : (site.model.bytes / random.logNormal(6_500_000, 0.7)) * 1000 + 300);
  if (random.chance(CANCELLING)) return endedAfter(Math.round(downloadMs * random.uniform()) + 200, { event: 'cancel', ...fields });
  const finished = finishedEvents(visit, { at, cached, first, fields, downloadMs });
  return { events: [start, ...finished], end: finished.at(-1)!.at, finished: true };
}

/** What the studio records when the picture is there. */
function finishedEvents({ random, site, engine }: Visit, { at, cached, first, fields, downloadMs }: Run): TimedEvent[] {
  const pace = random.logNormal(engine.stepMs * site.model.cost, engine.spread);
  const stepMs = Array.from({ length: STEPS }, () => Math.round(10 * random.logNormal(pace, 0.06)) / 10);
  const stepsMs = Math.round(stepMs.reduce((sum, ms) => sum + ms, 0));
  const sessionMs = first ? Math.round(random.logNormal(1100, 0.4)) : 0;
  const totalMs = downloadMs + sessionMs + stepsMs + Math.round(random.logNormal(180, 0.4));
  const bytes = { bytes: cached ? 0 : site.model.bytes, cached_bytes: cached ? site.model.bytes : 0 };
  const loading = first ? { load_ms: downloadMs + sessionMs } : {};
  const events: TimedEvent['event'][] = [
    { event: 'download', duration_ms: downloadMs, ...bytes, model: site.model.id },
    { event: 'generate_step_summary', ...fields, duration_ms: stepsMs, ...quantilesOf(stepMs) },
    { event: 'generate_complete', ...fields, duration_ms: totalMs, ...loading, ...pictureFields(random, fields) },
  ];
  return events.map((event) => ({ at: at + totalMs, event }));
}

const quantilesOf = (stepMs: readonly number[]) => ({ step_p50_ms: exactQuantile(stepMs, 0.5), step_p95_ms: exactQuantile(stepMs, 0.95) });

const engineFields = ({ backend, vendor, architecture }: SeededEngine) => ({
  backend,
  gpu_vendor: vendor,
  gpu_architecture: architecture,
});

function runFields({ random, site, engine, pairs }: Visit) {
  const { rule } = random.pick(RULES_USED);
  const { subject, style } = random.pick(pairs);
  return {
    model: site.model.id,
    ...(rule !== 'style-only' && { subject }),
    ...(rule !== 'subject-only' && { style }),
    rule,
    steps: STEPS,
    guidance: random.pick(GUIDANCE_USED).eta,
    ...engineFields(engine),
  };
}

/** The share of the choices and the scores; a little better with guidance. */
function pictureFields(random: RandomSource, { rule, guidance }: ReturnType<typeof runFields>) {
  const bounded = (mean: number, deviation: number): number => Math.min(1, Math.max(0, mean + deviation * random.normal()));
  const ONE_SIDED: Partial<Record<string, number>> = { 'subject-only': 1, 'style-only': 0 };
  return {
    subject_share: ONE_SIDED[rule] ?? bounded(rule === 'kl' ? 0.47 : 0.53, 0.11),
    score_subject: bounded(0.62 + guidance * 0.5, 0.09),
    score_style: bounded(0.55 + guidance * 0.4, 0.08),
  };
}
