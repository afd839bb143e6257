/** Losses over classes: scores or logarithms of probabilities [N, C, ...], labels [N, ...], a weight a class. */
import { int } from '../../onnx/ir.ts';
import type { Backward, VjpRule } from '../backward.ts';

/** [N, C, ...]: minus the derivative of the loss by the logarithm of each probability, what the loss was reduced by included. */
function pulls(g: Backward): string {
  const [batch, classes, ...sizes] = g.shape() as [number, number, ...number[]];
  const rest = sizes.map(() => 1);
  const labels = g.reshape(g.emit('Cast', [g.x(1)], { to: int(7) }), [batch, 1, ...sizes]);
  const positions = g.reshape(g.int64s(Array.from({ length: classes }, (_, position) => position)), [1, classes, ...rest]);
  const chosen = g.mask(g.emit('Equal', [positions, labels]));
  const weighted = g.has(2) ? g.mul(chosen, g.reshape(g.x(2), [1, classes, ...rest])) : chosen;
  const ignored = g.node.attributes.has('ignore_index') ? g.emit('Equal', [labels, g.int64s([g.int('ignore_index', 0)])]) : undefined;
  const counted = ignored === undefined ? weighted : g.emit('Where', [ignored, g.scalar(0), weighted]);
  const reduction = g.string('reduction', 'mean');
  if (reduction === 'none') return g.mul(counted, g.reshape(g.dy, [batch, 1, ...sizes]));
  const all = g.shape().map((_, axis) => axis);
  return g.mul(counted, reduction === 'sum' ? g.dy : g.div(g.dy, g.sum(counted, all, false)));
}

export const NegativeLogLikelihoodLoss: VjpRule = { inputs: [0], vjp: (g) => g.neg(pulls(g)) };

/** The second output is the logarithm of the Softmax. */
export const SoftmaxCrossEntropyLoss: VjpRule = {
  inputs: [0],
  vjp: (g) => {
    const [dLoss, dLog] = g.dys;
    const through = (dy: string) => g.sub(dy, g.mul(g.emit('Softmax', [g.x()], { axis: int(1) }), g.sum(dy, [1])));
    if (dLoss === undefined) return through(dLog!);
    const gradient = g.neg(pulls(g));
    return through(dLog === undefined ? gradient : g.add(gradient, dLog));
  },
};
