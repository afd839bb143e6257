import type { Criterion } from './criterion.ts';

/** Euclidean length of d at each position: what is left of the KL when the base feature is ignored (an ablation of arXiv 2602.15539). */
export const l2: Criterion = (builder, { d, channels }) => builder.reduce('ReduceL2', 'length', d, [channels + 1], false);
