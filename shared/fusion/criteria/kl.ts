import type { GraphBuilder } from '../../onnx/builder.ts';
import type { Measuring } from '../../rules.ts';
import type { Criterion } from './criterion.ts';

/**
 * KL(softmax(y0) || softmax(y0 + d)) (arXiv 2602.15539, section 3.2), in the closed form log E_p[exp d] - E_p[d] with p = softmax(y0): it does not
 * subtract two logarithms of nearly equal numbers, and both branches share p. With q = softmax(y0 + d), which is p exp d / E_p[exp d], the reverse
 * divergence is E_q[d] - log E_p[exp d], and the sum of both E_q[d] - E_p[d].
 */
export function kl({ axis, direction }: Pick<Measuring, 'axis' | 'direction'>): Criterion {
  return (builder, { y0, d, channels, positions }) => {
    const over = axis === 'channels' ? channels : positions;
    const p = builder.add('Softmax', 'p', [y0], { axis: { kind: 'int', value: over } });
    const expectation = (label: string, value: string) =>
      builder.reduce('ReduceSum', `mean.${label}`, builder.add('Mul', `weighted.${label}`, [p, value]), [over + 1], false);
    const exp = builder.add('Exp', 'exp', [d]);
    const meanExp = expectation('exp', exp);
    if (direction === 'forward') return builder.add('Sub', 'kl', [log(builder, meanExp), expectation('d', d)]);
    const changed = builder.add('Div', 'changed', [expectation('exp.d', builder.add('Mul', 'exp.d', [exp, d])), meanExp]);
    return builder.add('Sub', 'kl', [changed, direction === 'reverse' ? log(builder, meanExp) : expectation('d', d)]);
  };
}

const log = (builder: GraphBuilder, value: string): string => builder.add('Log', 'log', [value]);
