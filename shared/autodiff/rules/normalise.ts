/** Normalisations: x^ = (x - mean) / sqrt(variance + epsilon), y = x^ scale + bias. */
import type { Backward, VjpRule } from '../backward.ts';

interface Group {
  /** The input as the normalisation sees it, and the axes that share mean and variance. */
  x: string;
  dy: string;
  axes: number[];
  /** Broadcasts against `x`; undefined for 1. */
  scale: string | undefined;
}

function epsilonOf(g: Backward): number {
  const attribute = g.node.attributes.get('epsilon');
  return attribute?.kind === 'float' ? attribute.value : 1e-5;
}

/** x^ and 1 / sqrt(variance + epsilon). */
function standardised(g: Backward, { x, axes }: Group): { hat: string; inverse: string } {
  const centred = g.sub(x, g.mean(x, axes));
  const variance = g.mean(g.square(centred), axes);
  const inverse = g.emit('Reciprocal', [g.emit('Sqrt', [g.add(variance, g.scalar(epsilonOf(g)))])]);
  return { hat: g.mul(centred, inverse), inverse };
}

/** dx = inverse (dx^ - mean(dx^) - x^ mean(dx^ x^)) (Ioffe & Szegedy 2015, arXiv 1502.03167, section 3). */
function inputGradient(g: Backward, group: Group): string {
  const { hat, inverse } = standardised(g, group);
  const dHat = group.scale === undefined ? group.dy : g.mul(group.dy, group.scale);
  const projected = g.mul(hat, g.mean(g.mul(dHat, hat), group.axes));
  return g.mul(inverse, g.sub(g.sub(dHat, g.mean(dHat, group.axes)), projected));
}

/** Gradients of input, scale and bias, the last two before they are summed over what they were broadcast to. */
function gradientOf(g: Backward, group: Group, input: number): string {
  if (input === 0) return inputGradient(g, group);
  return input === 1 ? g.mul(group.dy, standardised(g, group).hat) : group.dy;
}

export const LayerNormalization: VjpRule = {
  inputs: [0, 1, 2],
  vjp: (g, i) => {
    const rank = g.shape().length;
    const from = g.axis(g.int('axis', -1), rank);
    const axes = Array.from({ length: rank - from }, (_, k) => from + k);
    return gradientOf(g, { x: g.x(), dy: g.dy, axes, scale: g.x(1) }, i);
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
