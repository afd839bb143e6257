import type { Criterion } from './criterion.ts';

/** Keeps a feature of length 0 from dividing by it. */
const LEAST_LENGTH = 1e-12;

/** 1 - cos(y0, y0 + d) at each position: how far d turns the feature, whatever its length (an ablation of arXiv 2602.15539). */
export const cosine: Criterion = (builder, { y0, d, channels }) => {
  const y = builder.add('Add', 'changed', [y0, d]);
  const length = (label: string, value: string, axis: number) => builder.reduce('ReduceL2', `length.${label}`, value, [axis], false);
  const dot = builder.reduce('ReduceSum', 'dot', builder.add('Mul', 'products', [y0, y]), [channels + 1], false);
  const lengths = builder.add('Mul', 'lengths', [length('base', y0, channels), length('changed', y, channels + 1)]);
  const cos = builder.add('Div', 'cos', [dot, builder.add('Max', 'lengths.safe', [lengths, builder.floats([1], [LEAST_LENGTH])])]);
  return builder.add('Sub', 'turn', [builder.floats([1], [1]), cos]);
};
