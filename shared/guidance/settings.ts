import * as v from 'valibot';

/** What guidance can pull towards: each metric compares the picture with the reference of one LoRA. */
export const METRICS = ['dino', 'clip'] as const;
export type MetricName = (typeof METRICS)[number];

/** Whose reference a metric reads: DINO sees what is drawn, CLIP how (`docs/method.md`, section 2). */
export const REFERENCE_OF = { dino: 'subject', clip: 'style' } as const satisfies Record<MetricName, 'subject' | 'style'>;

export const GUIDANCE_DECODERS = ['tiny', 'vae'] as const;

const weight = v.pipe(v.number(), v.finite(), v.minValue(0));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

/** Metric guidance of one run. */
export const GuidanceSettings = v.strictObject({
  /** Which decoder the gradient goes through; the tiny one where the model has it. */
  decoder: v.optional(v.picklist(GUIDANCE_DECODERS)),
  /** Length of a step, in latents of unit variance. */
  eta: v.optional(v.pipe(v.number(), v.finite(), v.minValue(0)), 0.05),
  /** How eta goes over the window: the same, or falling linearly to 0 at its end. */
  schedule: v.optional(v.picklist(['constant', 'falling']), 'constant'),
  /** Refinements in each step of the window. */
  iterations: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(20)), 1),
  /** The window, as shares of the steps. */
  from: v.optional(share, 0),
  to: v.optional(share, 1),
  /** Weight of each metric; one of weight 0 is measured but does not pull. */
  weights: v.optional(v.strictObject({ dino: v.optional(weight, 1), clip: v.optional(weight, 1) }), {}),
});
export type GuidanceSettings = v.InferInput<typeof GuidanceSettings>;
export type SettledGuidance = v.InferOutput<typeof GuidanceSettings>;
