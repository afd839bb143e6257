/** One layer's pair of factors: delta W = (alpha / rank) up down. */
export interface LoraLayer {
  /** The module path in the base: `down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q`. */
  module: string;
  kind: 'linear' | 'conv';
  rank: number;
  /** Such that alpha / rank is the scale that the file's trainer used; 0 is legal and makes the layer change nothing. */
  alpha: number;
  /** Of `downShape`: [rank, in] or, of a Conv, [rank, in, kh, kw]. */
  down: Float32Array;
  downShape: readonly number[];
  /** [out, rank] */
  up: Float32Array;
}

/** The parts of a pipeline that a LoRA can change. SDXL has a second text encoder. */
export const COMPONENTS = ['denoiser', 'textEncoder', 'textEncoder2'] as const;
export type Component = (typeof COMPONENTS)[number];

/** A LoRA read against a base: every tensor of the file has its place. `metadata` is the file's, without what the alphas say already. */
export type Lora = Record<Component, LoraLayer[]> & { metadata: Record<string, string> };
