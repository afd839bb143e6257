import { type Criterion, meanOverPositions } from './criterion.ts';

/**
 * Mean KL(softmax(y0) || softmax(y0 + d)) over positions (arXiv 2602.15539, section 3.2), in the closed form
 * log E_p[exp d] - E_p[d] with p = softmax(y0): it does not subtract two logarithms of nearly equal numbers, and both branches share p.
 */
export const kl: Criterion = (builder, { y0, d, rank, channels }) => {
  const p = builder.add('Softmax', 'p', [y0], { axis: { kind: 'int', value: channels } });
  const expect = (label: string, value: string) =>
    builder.reduce('ReduceSum', `mean.${label}`, builder.add('Mul', `weighted.${label}`, [p, value]), [channels + 1], false);
  const logMeanExp = builder.add('Log', 'log', [expect('exp', builder.add('Exp', 'exp', [d]))]);
  return meanOverPositions(builder, builder.add('Sub', 'kl', [logMeanExp, expect('d', d)]), rank);
};
