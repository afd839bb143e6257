/** Activations, element by element. */
import { type Backward, unary, type VjpRule } from '../backward.ts';

const one = (g: Backward): string => g.scalar(1);
/** exp(-x^2 / 2) / sqrt(2 pi). */
const density = (g: Backward, x: string): string => g.scale(g.emit('Exp', [g.scale(g.square(x), -0.5)]), 1 / Math.sqrt(2 * Math.PI));

/** dy y first: the last reader of y, which then is free. */
export const Sigmoid: VjpRule = {
  inputs: [0],
  vjp: (g) => {
    const rest = g.sub(one(g), g.y());
    return g.mul(g.mul(g.dy, g.y()), rest);
  },
};
export const Softplus = unary((g) => g.emit('Sigmoid', [g.x()]));
/** x tanh(softplus(x)) (Misra 2019, arXiv 1908.08681). */
export const Mish = unary((g) => {
  const t = g.emit('Tanh', [g.emit('Softplus', [g.x()])]);
  return g.add(t, g.mul(g.mul(g.x(), g.emit('Sigmoid', [g.x()])), g.sub(one(g), g.square(t))));
});
/** 1 / (1 + |x|)^2. */
export const Softsign = unary((g) => g.emit('Reciprocal', [g.square(g.add(one(g), g.emit('Abs', [g.x()])))]));
/** x sigmoid(alpha x), of the operator set 24 and of com.microsoft's QuickGelu. */
const gated = (g: Backward, alpha: number): string => {
  const s = g.emit('Sigmoid', [g.scale(g.x(), alpha)]);
  return g.mul(s, g.add(one(g), g.mul(g.scale(g.x(), alpha), g.sub(one(g), s))));
};
export const Swish = unary((g) => gated(g, g.float('alpha', 1)));
export const QuickGelu = unary((g) => gated(g, g.float('alpha', 1.702)));
/** The output is asked, not the input, so that runtimes can still do Conv and Relu in one. */
export const Relu: VjpRule = { vjp: (g) => g.keepWhere(g.emit('Greater', [g.y(), g.scalar(0)]), g.dy) };
const positive = (g: Backward): string => g.emit('Greater', [g.x(), g.scalar(0)]);
export const LeakyRelu: VjpRule = { vjp: (g) => g.emit('Where', [positive(g), g.dy, g.scale(g.dy, g.float('alpha', 0.01))]) };
export const PRelu: VjpRule = {
  vjp: (g, i) =>
    i === 0 ? g.emit('Where', [positive(g), g.dy, g.mul(g.dy, g.x(1))]) : g.emit('Where', [positive(g), g.scalar(0), g.mul(g.dy, g.x(0))]),
};
/** Exponentials below 0: their slope there is an offset from the output. */
const exponential = (above: (g: Backward) => string, below: (g: Backward) => string): VjpRule => ({
  vjp: (g) => g.emit('Where', [positive(g), above(g), g.mul(g.dy, below(g))]),
});
export const Elu = exponential((g) => g.dy, (g) => g.add(g.y(), g.scalar(g.float('alpha', 1)))); // prettier-ignore
export const Celu = exponential((g) => g.dy, (g) => g.add(g.scale(g.y(), 1 / g.float('alpha', 1)), one(g))); // prettier-ignore
const selu = (g: Backward): [alpha: number, gamma: number] => [g.float('alpha', 1.6732632423543772), g.float('gamma', 1.0507009873554805)];
export const Selu = exponential(
  (g) => g.scale(g.dy, selu(g)[1]),
  (g) => g.add(g.y(), g.scalar(selu(g)[0] * selu(g)[1])),
);
export const ThresholdedRelu: VjpRule = { vjp: (g) => g.keepWhere(g.emit('Greater', [g.x(), g.scalar(g.float('alpha', 1))]), g.dy) };
/** Nothing within a distance of 0, a shifted x beyond. */
export const Shrink: VjpRule = {
  vjp: (g) => g.keepWhere(g.emit('Greater', [g.emit('Abs', [g.x()]), g.scalar(g.float('lambd', 0.5))]), g.dy),
};
/** Hard sigmoid max(0, min(1, alpha x + beta)): a slope between its ends only. */
export const HardSigmoid: VjpRule = { vjp: (g) => g.scale(g.keepWhere(inside(g, g.y(), 0, 1), g.dy), g.float('alpha', 0.2)) };
/** x max(0, min(1, x / 6 + 1 / 2)). */
export const HardSwish = unary((g) => {
  const middle = g.keepWhere(inside(g, g.x(), -3, 3), g.add(g.scale(g.x(), 1 / 3), g.scalar(0.5)));
  return g.add(middle, g.mask(g.emit('GreaterOrEqual', [g.x(), g.scalar(3)])));
});
/** Exact: Phi(x) + x phi(x). The tanh form: the derivative of x/2 (1 + tanh(u)), u = sqrt(2/pi) (x + 0.044715 x^3). */
const geluSlope = (g: Backward, x: string, tanh: boolean): string => {
  if (!tanh) {
    const phi = g.scale(g.add(one(g), g.emit('Erf', [g.scale(x, Math.SQRT1_2)])), 0.5);
    return g.add(phi, g.mul(x, density(g, x)));
  }
  const c = Math.sqrt(2 / Math.PI);
  const cubic = g.scale(g.square(x), 0.044715);
  const t = g.emit('Tanh', [g.mul(g.scale(x, c), g.add(one(g), cubic))]);
  const slope = g.scale(g.add(one(g), g.scale(cubic, 3)), c);
  const product = g.mul(g.mul(x, slope), g.sub(one(g), g.square(t)));
  return g.scale(g.add(g.add(one(g), t), product), 0.5);
};
const biased = (g: Backward): string => (g.has(1) ? g.add(g.x(0), g.x(1)) : g.x(0));
export const Gelu = unary((g) => geluSlope(g, g.x(), g.string('approximate', 'none') === 'tanh'));
/** Of com.microsoft: the tanh form, of the input and perhaps a bias. */
export const FastGelu: VjpRule = { vjp: (g) => g.mul(g.dy, geluSlope(g, biased(g), true)) };
/** Of com.microsoft: the exact form of the input and a bias. */
export const BiasGelu: VjpRule = { vjp: (g) => g.mul(g.dy, geluSlope(g, biased(g), false)) };

function inside(g: Backward, value: string, low: number, high: number): string {
  return g.emit('And', [g.emit('Greater', [value, g.scalar(low)]), g.emit('Less', [value, g.scalar(high)])]);
}
