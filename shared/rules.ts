import * as v from 'valibot';

/** The fusion rules by name: one list for engine, command line, studio and telemetry. `shared/fusion/rules` says what each does. */
export const RULES = [
  'kl',
  'kl-soft',
  'l2',
  'cosine',
  'direct',
  'contrast',
  'k-lora',
  'np-lora',
  'switch',
  'composite',
  'block',
  'subject-only',
  'style-only',
] as const;
export type RuleName = (typeof RULES)[number];
/** The one whose pictures of the demo's pairs are best: docs/evaluation/rules.md. */
export const DEFAULT_RULE: RuleName = 'kl-soft';

const wholeFromOne = v.pipe(v.number(), v.integer(), v.minValue(1));
const modulePrefix = v.pipe(v.string(), v.minLength(1));

/** The axis of the softmax whose change `kl` measures: over the channels of a position, or over the positions of a channel. */
const AXES = ['channels', 'positions'] as const;
/** Of base b and changed c: KL(b || c), KL(c || b), or their sum. */
const DIRECTIONS = ['forward', 'reverse', 'symmetric'] as const;
/** What decides together: a layer, each half of classifier-free guidance, each position. */
const SCOPES = ['layer', 'half', 'position'] as const;

/** How far a LoRA moves a feature, beside the criterion that a rule is named for. The defaults are the paper's (arXiv 2602.15539). */
export interface Measuring {
  axis: (typeof AXES)[number];
  direction: (typeof DIRECTIONS)[number];
  scope: (typeof SCOPES)[number];
  /** Positions between two that are measured, and 1: 1 measures all. */
  stride: number;
}

/** What can be set of the rules, with the defaults of the papers. A rule reads its own fields and leaves the others; `kl-soft` has those of `kl`. */
const Settings = v.strictObject({
  /** `kl`, `l2`, `cosine`: compare D_subject / g^2 with D_style, g the ratio of the two LoRAs' root-mean-square change of the weights. */
  balance: v.optional(v.boolean(), false),
  /** `kl`, `l2`, `cosine`: measure in every n-th step and keep the choice in between. 1 is the exact rule. */
  every: v.optional(wholeFromOne, 1),
  /** `kl`, `l2`, `cosine`: measure at every n-th position of a feature. 1 is the exact rule. */
  stride: v.optional(wholeFromOne, 1),
  /** `kl`: the axis of the softmax. */
  axis: v.optional(v.picklist(AXES), 'channels'),
  /** `kl`: which way the divergence is taken: of base b and changed c, KL(b || c), KL(c || b), or their sum. */
  direction: v.optional(v.picklist(DIRECTIONS), 'forward'),
  /** `kl`, `l2`, `cosine`: what decides together. A choice finer than a layer is made anew in every step, at every position. */
  scope: v.optional(v.picklist(SCOPES), 'layer'),
  /** `kl`, `l2`, `cosine`: how much of the change that loses is applied beside the one that wins, 0 to 1; 1 is `direct`. */
  loser: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 0),
  /** `k-lora`: how the style's weight grows over the steps. */
  schedule: v.optional(v.picklist(['s', 's*']), 's'),
  /** `np-lora`: how much of the style's row space is taken from the subject; 0 is `direct`. */
  mu: v.optional(v.pipe(v.number(), v.finite(), v.minValue(0)), 0.5),
  /** `contrast`: multiplies the style's strength. */
  gain: v.optional(v.pipe(v.number(), v.finite()), 1.1),
  /** `contrast`: the share of the steps before guidance leaves the style out, 0 to 1. */
  onset: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 0.3),
  /** `switch`: steps before the other LoRA takes its turn. */
  tau: v.optional(wholeFromOne, 5),
  /** `composite`: multiplies both strengths. */
  scale: v.optional(v.pipe(v.number(), v.finite()), 0.8),
  /** `block`: the module path under which the subject acts; where left out, the first attention of the first up block that has two. */
  subjectBlock: v.optional(modulePrefix),
  /** `block`: the same for the style; the second attention. */
  styleBlock: v.optional(modulePrefix),
});

export const RuleSettings = v.pipe(
  Settings,
  v.forward(
    v.partialCheck(
      [['scope'], ['every']],
      ({ scope, every }) => scope === 'layer' || every === 1,
      'A choice finer than a layer is not kept from step to step: set every to 1, or scope to layer',
    ),
    ['scope'],
  ),
  v.forward(
    v.partialCheck(
      [['scope'], ['stride'], ['axis']],
      ({ scope, stride, axis }) => scope !== 'position' || (stride === 1 && axis === 'channels'),
      'Each position decides by its own channels: set stride to 1 and axis to channels, or scope to layer or half',
    ),
    ['scope'],
  ),
);
export type RuleSettings = v.InferInput<typeof RuleSettings>;
export type SettledRule = v.InferOutput<typeof RuleSettings>;

/** Rules that are others by other defaults: docs/rules.md says why `kl-soft` has these. */
const OWN_DEFAULTS: Readonly<Partial<Record<RuleName, RuleSettings>>> = { 'kl-soft': { scope: 'position', loser: 0.5 } };

/** What `rule` is set to where `asked` is asked of it; to be parsed by `RuleSettings`. */
export const settingsOf = (rule: RuleName, asked: RuleSettings = {}): RuleSettings => ({ ...OWN_DEFAULTS[rule], ...asked });

/** The rules that look at the features in every step, and by what; only these fill a fusion map with distances. */
const CRITERION_OF = { kl: 'kl', 'kl-soft': 'kl', l2: 'l2', cosine: 'cosine' } as const satisfies Partial<Record<RuleName, string>>;
type MeasuredRule = keyof typeof CRITERION_OF;
export type CriterionName = (typeof CRITERION_OF)[MeasuredRule];
export const isMeasured = (rule: RuleName): rule is MeasuredRule => rule in CRITERION_OF;
export const criterionOf = (rule: MeasuredRule): CriterionName => CRITERION_OF[rule];
