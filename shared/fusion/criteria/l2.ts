import { type Criterion, meanOverPositions } from './criterion.ts';

/** Mean Euclidean length of d over positions: what is left of the KL when the base feature is ignored (an ablation of arXiv 2602.15539). */
export const l2: Criterion = (builder, { d, rank, channels }) =>
  meanOverPositions(builder, builder.reduce('ReduceL2', 'length', d, [channels + 1], false), rank);
