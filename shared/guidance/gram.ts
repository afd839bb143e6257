import type { GraphBuilder } from '../onnx/builder.ts';
import type { FeatureShape } from './gram-layer.ts';

/**
 * The most channels whose products are compared. A Gram matrix of the 768 channels of a full-size encoder would be 590,000 numbers in the catalogue
 * for each LoRA; 32 make 1,024, no more than embeddings have.
 */
export const GRAM_CHANNELS = 32;

/** Numbers in the Gram matrix of a feature. */
export const gramWidth = ({ channels }: FeatureShape): number => Math.min(channels, GRAM_CHANNELS) ** 2;

/**
 * Emits the Gram matrix of a feature as a row [1, width], row-major: G = F^T F / positions, F [positions, channels] (Gatys et al. 2016, equation 3). Of
 * an encoder with more than `GRAM_CHANNELS` channels, F is first multiplied by `gramProjection`, which keeps the products of matrices nearly as they are.
 */
export function emitGram(builder: GraphBuilder, feature: string, shape: FeatureShape): string {
  const { positions, channels, channelsLast } = shape;
  const flat = channelsLast ? [1, positions, channels] : [1, channels, positions];
  const rows = builder.add('Reshape', 'flat', [feature, builder.int64s(flat)]);
  const perm = { perm: { kind: 'ints' as const, value: [0, 2, 1] } };
  const all = channelsLast ? rows : builder.add('Transpose', 'rows', [rows], perm);
  const few = channels > GRAM_CHANNELS ? builder.add('MatMul', 'projected', [all, projection(builder, channels)]) : all;
  const products = builder.add('MatMul', 'products', [builder.add('Transpose', 'columns', [few], perm), few]);
  const mean = builder.add('Mul', 'gram', [products, builder.floats([1], [1 / positions])]);
  return builder.add('Reshape', 'row', [mean, builder.int64s([1, gramWidth(shape)])]);
}

const projection = (builder: GraphBuilder, channels: number): string => builder.floats([channels, GRAM_CHANNELS], gramProjection(channels));

/**
 * A fixed matrix [channels, GRAM_CHANNELS] of entries 1 and -1 over the root of GRAM_CHANNELS (Achlioptas 2003, theorem 1.1), row-major. The signs are
 * the top bits of a linear congruential generator of 32 bits, so that every machine and every version makes the same: references depend on it.
 */
export function gramProjection(channels: number): number[] {
  const size = 1 / Math.sqrt(GRAM_CHANNELS);
  let state = 1;
  return Array.from({ length: channels * GRAM_CHANNELS }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state < 0 ? -size : size;
  });
}
