import type { GraphBuilder } from '../../onnx/builder.ts';

/** The values of one fused layer that its distances are made from, float32. */
interface Features {
  /** Base feature: a Linear's [..., channels], a Conv's [N, channels, positions]. */
  y0: string;
  /** Both changes, [2, ...] over y0's shape. */
  d: string;
  /** Axes of y0. */
  rank: number;
  /** The axis of y0 that holds the channels. */
  channels: number;
}

/** Emits D [2], how far each of the two changes moves the layer's feature. The branch with the larger one wins. */
export type Criterion = (builder: GraphBuilder, features: Features) => string;

/** The mean over all positions of a value [2, positions...] with `rank` axes: [2]. */
export function meanOverPositions(builder: GraphBuilder, value: string, rank: number): string {
  return builder.reduce(
    'ReduceMean',
    'mean',
    value,
    Array.from({ length: rank - 1 }, (_, axis) => axis + 1),
    false,
  );
}
