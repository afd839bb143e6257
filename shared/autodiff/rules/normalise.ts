/** Normalisations: x^ = (x - mean) / sqrt(variance + epsilon), y = x^ scale + bias. */
import type { Backward, VjpRule } from '../backward.ts';

interface Group {
  /** The input as the normalisation sees it, and the axes that share mean and variance. */
  x: string;
  dy: string;
  axes: number[];
  /** Broadcasts against `x`. */
  scale: string;
}

const epsilonOf = (g: Backward): number => g.float('epsilon', 1e-5);

/** x^ and 1 / sqrt(variance + epsilon). */
function standardised(g: Backward, { x, axes }: Pick<Group, 'x' | 'axes'>): { hat: string; inverse: string } {
  const centred = g.sub(x, g.mean(x, axes));
  const variance = g.mean(g.square(centred), axes);
  const inverse = g.emit('Reciprocal', [g.emit('Sqrt', [g.add(variance, g.scalar(epsilonOf(g)))])]);
  return { hat: g.mul(centred, inverse), inverse };
}

/** dx = inverse (dx^ - mean(dx^) - x^ mean(dx^ x^)) (Ioffe & Szegedy 2015, arXiv 1502.03167, section 3). */
function inputGradient(g: Backward, group: Group): string {
  const { hat, inverse } = standardised(g, group);
  const dHat = g.mul(group.dy, group.scale);
  const projected = g.mul(hat, g.mean(g.mul(dHat, hat), group.axes));
  return g.mul(inverse, g.sub(g.sub(dHat, g.mean(dHat, group.axes)), projected));
}

/** Gradients of input, scale and bias, the last two before they are summed over what they were broadcast to. */
function gradientOf(g: Backward, group: Group, input: number): string {
  if (input === 0) return inputGradient(g, group);
  return input === 1 ? g.mul(group.dy, standardised(g, group).hat) : group.dy;
}

/** Axes from the operator's on share their statistics. */
function layerAxes(g: Backward): number[] {
  const rank = g.shape().length;
  const from = g.axis(g.int('axis', -1), rank);
  return Array.from({ length: rank - from }, (_, k) => from + k);
}

/** The statistics are outputs too: d mean / dx = 1 / n, d inverse / dx = -inverse^2 x^ / n. */
export const LayerNormalization: VjpRule = {
  inputs: [0, 1, 2],
  vjp: (g, i) => {
    const [dy, dMean, dInverse] = g.dys;
    const axes = layerAxes(g);
    const parts = dy === undefined ? [] : [gradientOf(g, { x: g.x(), dy, axes, scale: g.x(1) }, i)];
    if (i > 0) return parts[0] ?? g.scalar(0);
    const share = 1 / axes.reduce((count, axis) => count * g.shape()[axis]!, 1);
    if (dMean !== undefined) parts.push(g.scale(dMean, share));
    if (dInverse !== undefined) {
      const { hat, inverse } = standardised(g, { x: g.x(), axes });
      parts.push(g.mul(g.scale(g.mul(dInverse, g.square(inverse)), -share), hat));
    }
    return parts.reduce((sum, part) => g.add(sum, part));
  },
};

/** y = x / r scale, r^2 = mean(x^2) + epsilon (Zhang & Sennrich 2019, arXiv 1910.07467): dx = (dx^ - x^ mean(dx^ x^)) / r. */
const rootMeanSquare: VjpRule = {
  inputs: [0, 1],
  vjp: (g, i) => {
    const axes = layerAxes(g);
    const inverse = g.emit('Reciprocal', [g.emit('Sqrt', [g.add(g.mean(g.square(g.x()), axes), g.scalar(epsilonOf(g)))])]);
    const hat = g.mul(g.x(), inverse);
    if (i === 1) return g.mul(g.dy, hat);
    const dHat = g.mul(g.dy, g.x(1));
    return g.mul(inverse, g.sub(dHat, g.mul(hat, g.mean(g.mul(dHat, hat), axes))));
  },
};
export const RMSNormalization = rootMeanSquare;
export const SimplifiedLayerNormalization = rootMeanSquare;

/** y = x / |x|, of one axis: dx = (dy - s sum(dy y)) / |x|, where s is y for the Euclidean norm and the sign of x for the sum of magnitudes. */
export const LpNormalization: VjpRule = {
  vjp: (g) => {
    const axes = [g.axis(g.int('axis', -1), g.shape().length)];
    const ones = g.int('p', 2) === 1;
    const norm = ones ? g.sum(g.emit('Abs', [g.x()]), axes) : g.emit('Sqrt', [g.sum(g.square(g.x()), axes)]);
    const along = g.sum(g.mul(g.dy, g.y()), axes);
    return g.div(g.sub(g.dy, g.mul(ones ? g.sign(g.x()) : g.y(), along)), norm);
  },
};

/** Scale and bias stand on the channel axis of [N, C, ...]. */
function perChannel(g: Backward, value: string): string {
  return g.reshape(value, [
    1,
    g.shape()[1]!,
    ...g
      .shape()
      .slice(2)
      .map(() => 1),
  ]);
}

/** What was computed per channel, summed over all other axes to [C]. */
function toChannels(g: Backward, value: string): string {
  const axes = g.shape().map((_, axis) => axis).filter((axis) => axis !== 1); // prettier-ignore
  return g.sum(value, axes, false);
}

const spatial = (g: Backward): number[] => g.shape().map((_, axis) => axis).slice(2); // prettier-ignore

export const InstanceNormalization: VjpRule = {
  inputs: [0, 1, 2],
  vjp: (g, i) => {
    const gradient = gradientOf(g, { x: g.x(), dy: g.dy, axes: spatial(g), scale: perChannel(g, g.x(1)) }, i);
    return i === 0 ? gradient : toChannels(g, gradient);
  },
};

/** Groups of channels share mean and variance. Operator set 18 scales by group, 21 by channel. */
export const GroupNormalization: VjpRule = {
  inputs: [0, 1, 2],
  vjp: (g, i) => {
    const [batch, channels, ...sizes] = g.shape() as [number, number, ...number[]];
    const groups = g.int('num_groups', 1);
    const grouped = [batch, groups, channels / groups, ...sizes];
    const perGroup = g.shape(1)[0] === groups && g.opset < 21;
    const rest = sizes.map(() => 1);
    const scale = g.reshape(g.x(1), perGroup ? [1, groups, 1, ...rest] : [1, groups, channels / groups, ...rest]);
    const axes = grouped.map((_, axis) => axis).slice(2); // prettier-ignore
    const gradient = gradientOf(g, { x: g.reshape(g.x(), grouped), dy: g.reshape(g.dy, grouped), axes, scale }, i);
    if (i === 0) return g.reshape(gradient, g.shape());
    const summed = [0, ...grouped.map((_, axis) => axis).slice(perGroup ? 2 : 3)];
    return g.reshape(g.sum(gradient, summed, false), g.shape(i));
  },
};

/** With running statistics (inference): a scale and a shift per channel. */
export const BatchNormalization: VjpRule = {
  inputs: [0, 1, 2],
  vjp: (g, i) => {
    if (g.int('training_mode', 0) === 1)
      throw g.invalid('BatchNormalization in training mode has no gradient here; export in evaluation mode');
    const inverse = g.emit('Reciprocal', [g.emit('Sqrt', [g.add(g.x(4), g.scalar(epsilonOf(g)))])]);
    if (i === 0) return g.mul(g.dy, perChannel(g, g.mul(g.x(1), inverse)));
    if (i === 2) return toChannels(g, g.dy);
    return toChannels(g, g.mul(g.dy, g.mul(g.sub(g.x(), perChannel(g, g.x(3))), perChannel(g, inverse))));
  },
};
