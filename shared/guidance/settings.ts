import * as v from 'valibot';

/** What guidance can pull towards: each metric compares the picture, seen by one of the model's image encoders, with a reference. */
export const METRICS = ['dino', 'clip', 'gram', 'clip-text'] as const;
export type MetricName = (typeof METRICS)[number];

/**
 * Whose reference a metric reads (`docs/method.md`, section 2). DINO sees what is drawn, CLIP how; the Gram matrix of an early layer of CLIP sees
 * textures and colours wherever they are, and so less of what is drawn; CLIP's text tower sees what the prompt says.
 */
export const REFERENCE_OF = {
  dino: 'subject',
  clip: 'style',
  gram: 'style',
  'clip-text': 'prompt',
} as const satisfies Record<MetricName, 'subject' | 'style' | 'prompt'>;

/** The image encoder that a metric looks through. Metrics of one encoder share its forward pass. */
export const ENCODER_OF = { dino: 'dino', clip: 'clip', gram: 'clip', 'clip-text': 'clip' } as const satisfies Record<
  MetricName,
  'dino' | 'clip'
>;

/** The metrics that see pictures, so that a LoRA's reference pictures have an embedding by each. */
export const PICTURE_METRICS = ['dino', 'clip', 'gram'] as const satisfies readonly MetricName[];

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
  /**
   * Weight of each metric; one of weight 0 is measured but does not pull. `gram` and `clip-text` take part only where they are given a weight: each
   * metric costs a way back through the decoder.
   */
  weights: v.optional(
    v.strictObject({
      dino: v.optional(weight, 1),
      clip: v.optional(weight, 1),
      gram: v.optional(weight),
      'clip-text': v.optional(weight),
    }),
    {},
  ),
});
export type GuidanceSettings = v.InferInput<typeof GuidanceSettings>;
export type SettledGuidance = v.InferOutput<typeof GuidanceSettings>;
