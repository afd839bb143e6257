import * as v from 'valibot';
import { GuidanceSettings } from '../../../shared/guidance/settings.ts';
import { LORA_KINDS, type LoraEntry, type LoraKind, type Manifest, type ModelEntry } from '../../../shared/manifest.ts';
import type { RgbaImage } from '../../../shared/protocol.ts';
import { DEFAULT_RULE, type RuleName, type RuleSettings } from '../../../shared/rules.ts';
import type { StudioOptions } from '../messages.ts';

/** What the visitor has chosen. `prompt` follows the pickers until somebody writes one. */
export interface Settings {
  model: ModelEntry;
  subject: LoraEntry | undefined;
  style: LoraEntry | undefined;
  prompt: string;
  promptWritten: boolean;
  seed: number;
  steps: number;
  strengths: readonly [subject: number, style: number];
  rule: RuleName;
  measure: MeasureName;
  guidance: GuidanceChoice;
}

/** How thoroughly rules that measure do so, from exact to cheap: what is not chosen anew in every step is chosen by the layer. `docs/rules.md` has what each costs. */
export const MEASURES = {
  every: {},
  fifth: { every: 5, scope: 'layer' },
  tenth: { every: 10, stride: 4, scope: 'layer' },
} as const satisfies Record<string, RuleSettings>;
export type MeasureName = keyof typeof MEASURES;

export interface GuidanceChoice {
  /** Wanted; whether it can be had is `guidancePlan`'s to say. */
  on: boolean;
  eta: number;
  /** The visitor's own pictures, in place of the LoRAs' references. */
  pictures: Partial<Record<LoraKind, ReferencePicture>>;
}

export interface ReferencePicture {
  /** Of its file. */
  name: string;
  image: RgbaImage;
}

/** The LoRAs of one kind that fit `model`, in the catalogue's order. */
export function lorasOf(catalogue: Manifest, model: ModelEntry, kind: LoraKind): LoraEntry[] {
  return catalogue.loras.filter((lora) => lora.model === model.id && lora.kind === kind);
}

/** The first settings: the model that has most LoRAs, its first subject and style, its own number of steps. */
export function firstSettings(catalogue: Manifest, seed: number): Settings | undefined {
  const count = (model: ModelEntry) => catalogue.loras.filter((lora) => lora.model === model.id).length;
  const [model] = catalogue.models.toSorted((one, other) => count(other) - count(one));
  if (!model) return undefined;
  const [subject, style] = LORA_KINDS.map((kind) => lorasOf(catalogue, model, kind)[0]);
  return followPickers({
    model,
    subject,
    style,
    prompt: '',
    promptWritten: false,
    seed,
    steps: model.defaults.steps,
    strengths: [1, 1],
    rule: DEFAULT_RULE,
    measure: 'every',
    guidance: { on: false, eta: v.getDefault(GuidanceSettings.entries.eta), pictures: {} },
  });
}

export function pick(settings: Settings, kind: LoraKind, lora: LoraEntry | undefined): Settings {
  return followPickers({ ...settings, [kind]: lora });
}

export function guide(settings: Settings, guidance: Partial<GuidanceChoice>): Settings {
  return { ...settings, guidance: { ...settings.guidance, ...guidance } };
}

export function writePrompt(settings: Settings, prompt: string): Settings {
  return { ...settings, prompt, promptWritten: true };
}

/** The prompt that the two triggers make: `a pip creature in knit style`. */
function triggerPrompt({ subject, style }: Pick<Settings, 'subject' | 'style'>): string {
  return [subject?.trigger, style?.trigger].filter(Boolean).join(' ');
}

function followPickers(settings: Settings): Settings {
  return settings.promptWritten ? settings : { ...settings, prompt: triggerPrompt(settings) };
}

/**
 * Applies what the host page has set. Of a second set only what differs from `before` counts, so that a new seed does not undo the visitor's
 * prompt. A LoRA that the catalogue lacks changes nothing.
 */
export function applyOptions(settings: Settings, catalogue: Manifest, options: StudioOptions, before?: StudioOptions): Settings {
  const changed = <K extends keyof StudioOptions>(key: K): StudioOptions[K] => (options[key] === before?.[key] ? undefined : options[key]);
  const prompt = changed('prompt');
  const lora = (kind: LoraKind) => lorasOf(catalogue, settings.model, kind).find(({ id }) => id === changed(kind)) ?? settings[kind];
  const [subject, style] = settings.strengths;
  return followPickers({
    ...settings,
    subject: lora('subject'),
    style: lora('style'),
    prompt: prompt ?? settings.prompt,
    promptWritten: settings.promptWritten || prompt !== undefined,
    seed: changed('seed') ?? settings.seed,
    steps: changed('steps') ?? settings.steps,
    strengths: [changed('subjectStrength') ?? subject, changed('styleStrength') ?? style],
    rule: changed('rule') ?? settings.rule,
    guidance: withEta(settings.guidance, changed('guidance')),
  });
}

/** 0 switches guidance off, and leaves the strength for when the visitor switches it on. */
function withEta(guidance: GuidanceChoice, eta: number | undefined): GuidanceChoice {
  if (eta === undefined) return guidance;
  return eta > 0 ? { ...guidance, on: true, eta } : { ...guidance, on: false };
}
