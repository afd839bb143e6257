import * as v from 'valibot';
import { DiptychError } from '../../shared/errors.ts';
import {
  ENCODER_OF,
  GuidanceSettings,
  METRICS,
  type MetricName,
  REFERENCE_OF,
  type SettledGuidance,
} from '../../shared/guidance/settings.ts';
import type { BlobRef, GraphEntry, GuidanceEntry, ImageEncoderEntry, TextTowerEntry } from '../../shared/manifest.ts';
import type { GenerateRequest, RgbaImage } from '../../shared/protocol.ts';

/** What one run's guidance is made of. */
export interface GuidancePlan {
  settings: SettledGuidance;
  decoder: { kind: 'tiny' | 'vae'; graph: GraphEntry };
  metrics: readonly PlannedMetric[];
  /** Why a metric that was given a weight takes no part: sentences for people. */
  notes: readonly string[];
}

export interface PlannedMetric {
  name: MetricName;
  encoder: ImageEncoderEntry;
  /** The embedding to come near to, or what it is made of. */
  reference: readonly number[] | RgbaImage | PromptReference;
}

export interface PromptReference {
  prompt: string;
  tower: TextTowerEntry;
}

/**
 * The guidance that a request asks for; undefined where it asks for none. A metric takes part where the model has its encoder and there is a
 * reference: of its LoRA, of the visitor's picture in its place, or of the prompt.
 *
 * @throws DiptychError `request_invalid` for settings that are none; `guidance_unavailable` where model, LoRAs and prompt have nothing to guide by
 */
export function planGuidance(request: GenerateRequest): GuidancePlan | undefined {
  if (!request.guidance) return undefined;
  const settings = settled(request.guidance);
  const entry = request.model.guidance;
  if (!entry) throw unavailable(`${request.model.name} was prepared without image encoders`);
  const planned = METRICS.filter((name) => settings.weights[name] !== undefined).map((name) => planMetric(request, entry, name));
  const metrics = planned.filter((metric) => 'encoder' in metric);
  const missing = planned.filter((metric) => 'reason' in metric);
  if (metrics.length === 0) throw unavailable([...new Set(missing.map(({ reason }) => reason))].join('; '));
  const named = missing.filter(({ name }) => (request.guidance?.weights?.[name] ?? 0) > 0);
  const notes = named.map(({ name, reason }) => `Guidance leaves out ${name}: ${reason}.`);
  return { settings, decoder: decoderOf(request, settings, entry), metrics, notes };
}

/** A metric of a run, or why it can take no part. */
function planMetric(
  request: GenerateRequest,
  entry: GuidanceEntry,
  name: MetricName,
): PlannedMetric | { name: MetricName; reason: string } {
  const encoder = entry.encoders[ENCODER_OF[name]];
  if (!encoder) return { name, reason: `${request.model.name} was prepared without the image encoder ${ENCODER_OF[name]}` };
  if (name === 'clip-text') {
    if (!entry.clipText) return { name, reason: `${request.model.name} was prepared without the text tower of its CLIP` };
    if (request.prompt.trim() === '') return { name, reason: 'the prompt is empty' };
    return { name, encoder, reference: { prompt: request.prompt, tower: entry.clipText } };
  }
  if (name === 'gram' && encoder.gramLayer === undefined)
    return { name, reason: `${request.model.name} was prepared without a gramLayer of its image encoder clip` };
  const kind = REFERENCE_OF[name];
  const reference = request.referenceImages?.[kind] ?? request[kind]?.references?.[name];
  return reference ? { name, encoder, reference } : { name, reason: `the ${kind} has no reference pictures for ${name}` };
}

/** What tells one guidance network from another. */
export const guidanceKey = ({ decoder, metrics }: GuidancePlan): string => [decoder.kind, ...metrics.map(({ name }) => name)].join(' ');

/** The files of the networks, each once. */
export function guidanceBlobs({ decoder, metrics }: GuidancePlan): BlobRef[] {
  const refs = [decoder.graph, ...metrics.map(({ encoder }) => encoder.graph)].flatMap(graphBlobs);
  return [...new Map(refs.map((ref) => [ref.sha256, ref])).values()];
}

/** The files that make a picture or the prompt a reference; none where the catalogue has it. */
export function referenceBlobs({ encoder, reference }: PlannedMetric): BlobRef[] {
  if ('data' in reference) return graphBlobs(encoder.graph);
  return 'tower' in reference ? [...graphBlobs(reference.tower.graph), reference.tower.text.tokenizer] : [];
}

export const graphBlobs = ({ topology, weights }: GraphEntry): BlobRef[] => [
  topology,
  ...weights.map(({ sha256, bytes }) => ({ sha256, bytes })),
];

function decoderOf(request: GenerateRequest, { decoder }: SettledGuidance, { tinyDecoder }: GuidanceEntry): GuidancePlan['decoder'] {
  if (decoder === 'tiny' && !tinyDecoder)
    throw unavailable(`${request.model.name} was prepared without a tiny decoder; choose the decoder vae`);
  if (tinyDecoder && decoder !== 'vae') return { kind: 'tiny', graph: tinyDecoder };
  return { kind: 'vae', graph: request.model.graphs.decoder };
}

function settled(settings: GuidanceSettings): SettledGuidance {
  const parsed = v.safeParse(GuidanceSettings, settings);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const field = `guidance.${v.getDotPath(issue) ?? '?'}`;
  throw new DiptychError('request_invalid', `${field}: ${issue.message}`, { field });
}

const unavailable = (reason: string): DiptychError => new DiptychError('guidance_unavailable', `Guidance cannot be used: ${reason}.`);
