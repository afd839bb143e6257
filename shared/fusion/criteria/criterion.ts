import type { GraphBuilder } from '../../onnx/builder.ts';

/** The values of one fused layer that its distances are made from, float32. */
interface Features {
  /** Base feature: a Linear's [..., channels], a Conv's [N, channels, positions]. */
  y0: string;
  /** Both changes, [2, ...] over y0's shape. */
  d: string;
  /** The axis of y0 that holds the channels. */
  channels: number;
  /** The axis of y0 that holds the positions; the channels' where a feature has one position only. */
  positions: number;
}

/**
 * Emits how far each of the two changes moves the feature, [2, ...] over y0's axes without the one that the measure sums over. The branch with
 * the larger mean wins.
 */
export type Criterion = (builder: GraphBuilder, features: Features) => string;
