import * as v from 'valibot';
import { DiptychError } from '../../shared/errors.ts';
import { GuidanceSettings, METRICS, type MetricName, REFERENCE_OF, type SettledGuidance } from '../../shared/guidance/settings.ts';
import type { BlobRef, GraphEntry, GuidanceEntry, ImageEncoderEntry } from '../../shared/manifest.ts';
import type { GenerateRequest, RgbaImage } from '../../shared/protocol.ts';

/** What one run's guidance is made of. */
export interface GuidancePlan {
  settings: SettledGuidance;
  decoder: { kind: 'tiny' | 'vae'; graph: GraphEntry };
  metrics: readonly PlannedMetric[];
}

export interface PlannedMetric {
  name: MetricName;
  encoder: ImageEncoderEntry;
  /** The embedding to come near to, or the picture that it is made of. */
  reference: readonly number[] | RgbaImage;
}

/**
 * The guidance that a request asks for; undefined where it asks for none. A metric takes part where the model has its encoder and its LoRA (or the
 * visitor's picture in its place) gives a reference.
 *
 * @throws DiptychError `request_invalid` for settings that are none; `guidance_unavailable` where model or LoRAs have nothing to guide by
 */
export function planGuidance(request: GenerateRequest): GuidancePlan | undefined {
  if (!request.guidance) return undefined;
  const settings = settled(request.guidance);
  const entry = request.model.guidance;
  if (!entry) throw unavailable(`${request.model.name} was prepared without image encoders`);
  const metrics = METRICS.flatMap((name): PlannedMetric[] => {
    const encoder = entry.encoders[name];
    const kind = REFERENCE_OF[name];
    const reference = request.referenceImages?.[kind] ?? request[kind]?.references?.[name];
    return encoder && reference ? [{ name, encoder, reference }] : [];
  });
  if (metrics.length === 0) throw unavailable('neither the subject nor the style has reference pictures');
  return { settings, decoder: decoderOf(request, settings, entry), metrics };
}

/** Whether a reference has to be made of a picture first. */
export const hasPictures = ({ metrics }: GuidancePlan): boolean => metrics.some(({ reference }) => 'data' in reference);

/** The networks' files, each once. */
export function guidanceBlobs({ decoder, metrics }: GuidancePlan): BlobRef[] {
  const graphs = [decoder.graph, ...metrics.map(({ encoder }) => encoder.graph)];
  const refs = graphs.flatMap(({ topology, weights }) => [topology, ...weights.map(({ sha256, bytes }) => ({ sha256, bytes }))]);
  return [...new Map(refs.map((ref) => [ref.sha256, ref])).values()];
}

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
