import { DiptychError } from '../../../shared/errors.ts';
import { ENCODER_OF, PICTURE_METRICS, REFERENCE_OF } from '../../../shared/guidance/settings.ts';
import { type BlobRef, LORA_KINDS, type LoraKind, type ModelEntry, modelBlobs } from '../../../shared/manifest.ts';
import type { GenerateRequest } from '../../../shared/protocol.ts';
import { isMeasured } from '../../../shared/rules.ts';
import { guidanceBlobs, type GuidancePlan, planGuidance, referenceBlobs } from '../../engine/guidance-plan.ts';
import { MEASURES, type Settings } from './settings.ts';

/** What the engine is asked for. */
export function requestOf(settings: Settings): GenerateRequest {
  return isGuided(settings) ? guidedRequest(settings) : plainRequest(settings);
}

/** Guidance is wanted and can be had. */
export const isGuided = (settings: Settings): boolean => settings.guidance.on && guidancePlan(settings) !== undefined;

/** What guidance of this run would be made of, whether it is on or not; undefined where there is nothing to guide by. */
export function guidancePlan(settings: Settings): GuidancePlan | undefined {
  try {
    return planGuidance(guidedRequest(settings));
  } catch (thrown) {
    if (thrown instanceof DiptychError && thrown.code === 'guidance_unavailable') return undefined;
    throw thrown;
  }
}

/** The kinds of LoRA towards whose pictures `model` can guide; none where it was prepared without image encoders. */
export function guidableKinds({ guidance }: ModelEntry): LoraKind[] {
  return LORA_KINDS.filter((kind) =>
    PICTURE_METRICS.some((metric) => REFERENCE_OF[metric] === kind && guidance?.encoders[ENCODER_OF[metric]] !== undefined),
  );
}

/** Every file of a run once, and apart from them those that only guidance adds, whether it is on or not. Two graphs may share a file. */
export function runFiles(settings: Settings): { plain: BlobRef[]; guidance: BlobRef[] } {
  const { model, subject, style } = settings;
  const plain = eachOnce([...modelBlobs(model), ...[subject, style].flatMap((lora) => lora?.file ?? [])]);
  const here = new Set(plain.map(({ sha256 }) => sha256));
  const plan = guidancePlan(settings);
  const guides = plan ? eachOnce([...guidanceBlobs(plan), ...plan.metrics.flatMap(referenceBlobs)]) : [];
  return { plain, guidance: guides.filter(({ sha256 }) => !here.has(sha256)) };
}

const eachOnce = (refs: readonly BlobRef[]): BlobRef[] => [...new Map(refs.map((ref) => [ref.sha256, ref])).values()];

function guidedRequest(settings: Settings): GenerateRequest {
  const { eta, pictures } = settings.guidance;
  const { subject, style } = pictures;
  const referenceImages = { ...(subject && { subject: subject.image }), ...(style && { style: style.image }) };
  return { ...plainRequest(settings), guidance: { eta }, referenceImages };
}

function plainRequest({ model, subject, style, prompt, seed, steps, strengths, rule, measure }: Settings): GenerateRequest {
  return {
    model,
    ...(subject && { subject }),
    ...(style && { style }),
    prompt,
    seed,
    steps,
    guidanceScale: model.defaults.guidanceScale,
    strengths,
    rule,
    preview: true,
    ...(isMeasured(rule) && { ruleSettings: MEASURES[measure] }),
  };
}
