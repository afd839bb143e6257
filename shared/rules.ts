import * as v from 'valibot';

/** The fusion rules by name: one list for engine, command line, studio and telemetry. `shared/fusion/rules` says what each does. */
export const RULES = [
  'kl',
  'l2',
  'cosine',
  'direct',
  'k-lora',
  'np-lora',
  'switch',
  'composite',
  'block',
  'subject-only',
  'style-only',
] as const;
export type RuleName = (typeof RULES)[number];
export const DEFAULT_RULE: RuleName = 'kl';

const wholeFromOne = v.pipe(v.number(), v.integer(), v.minValue(1));
const modulePrefix = v.pipe(v.string(), v.minLength(1));

/** What can be set of the rules, with the defaults of the papers. A rule reads its own fields and leaves the others. */
export const RuleSettings = v.strictObject({
  /** `kl`, `l2`, `cosine`: compare D_subject / g^2 with D_style, g the ratio of the two LoRAs' root-mean-square change of the weights. */
  balance: v.optional(v.boolean(), false),
  /** `kl`, `l2`, `cosine`: measure in every n-th step and keep the choice in between. 1 is the exact rule. */
  every: v.optional(wholeFromOne, 1),
  /** `kl`, `l2`, `cosine`: measure at every n-th position of a feature. 1 is the exact rule. */
  stride: v.optional(wholeFromOne, 1),
  /** `k-lora`: how the style's weight grows over the steps. */
  schedule: v.optional(v.picklist(['s', 's*']), 's'),
  /** `np-lora`: how much of the style's row space is taken from the subject; 0 is `direct`. */
  mu: v.optional(v.pipe(v.number(), v.finite(), v.minValue(0)), 0.5),
  /** `switch`: steps before the other LoRA takes its turn. */
  tau: v.optional(wholeFromOne, 5),
  /** `composite`: multiplies both strengths. */
  scale: v.optional(v.pipe(v.number(), v.finite()), 0.8),
  /** `block`: the module path under which the subject acts; where left out, the first attention of the first up block that has two. */
  subjectBlock: v.optional(modulePrefix),
  /** `block`: the same for the style; the second attention. */
  styleBlock: v.optional(modulePrefix),
});
export type RuleSettings = v.InferInput<typeof RuleSettings>;
export type SettledRule = v.InferOutput<typeof RuleSettings>;

/** The rules that look at the features in every step, each by the criterion of its name; only these fill a fusion map with distances. */
const MEASURED_RULES = ['kl', 'l2', 'cosine'] as const satisfies readonly RuleName[];
export type MeasuredRule = (typeof MEASURED_RULES)[number];
export const isMeasured = (rule: RuleName): rule is MeasuredRule => MEASURED_RULES.some((name) => name === rule);
