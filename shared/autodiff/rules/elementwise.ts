/** Operators that work element by element. `dy` is multiplied by the derivative; the walker sums over what was broadcast. */
import { codeOf } from '../../onnx/data-type.ts';
import { int } from '../../onnx/ir.ts';
import type { Backward, Vjp, VjpRule } from '../backward.ts';

/** The derivative of an operator of one input. */
const unary = (derivative: (g: Backward) => string): VjpRule => ({ inputs: [0], vjp: (g) => g.mul(g.dy, derivative(g)) });

const one = (g: Backward): string => g.scalar(1);
/** exp(-x^2 / 2) / sqrt(2 pi). */
const density = (g: Backward, x: string): string => g.scale(g.emit('Exp', [g.scale(g.square(x), -0.5)]), 1 / Math.sqrt(2 * Math.PI));

export const Add: VjpRule = { vjp: (g) => g.dy };
export const Sub: VjpRule = { vjp: (g, i) => (i === 0 ? g.dy : g.neg(g.dy)) };
export const Mul: VjpRule = { vjp: (g, i) => g.mul(g.dy, g.x(1 - i)) };
export const Div: VjpRule = { vjp: (g, i) => (i === 0 ? g.div(g.dy, g.x(1)) : g.neg(g.div(g.mul(g.dy, g.y()), g.x(1)))) };
/** Where x is 0 the logarithm is not taken: 0^e has no slope in e. */
export const Pow: VjpRule = {
  vjp: (g, i) => {
    if (i === 0) return g.mul(g.dy, g.mul(g.x(1), g.emit('Pow', [g.x(0), g.sub(g.x(1), one(g))])));
    const positive = g.emit('Greater', [g.x(0), g.scalar(0)]);
    const safe = g.emit('Where', [positive, g.x(0), one(g)]);
    return g.mul(g.dy, g.mul(g.y(), g.emit('Log', [safe])));
  },
};
export const Neg: VjpRule = { vjp: (g) => g.neg(g.dy) };
export const Abs = unary((g) => g.emit('Sign', [g.x()]));
export const Sqrt = unary((g) => g.div(g.scalar(0.5), g.y()));
export const Reciprocal = unary((g) => g.neg(g.square(g.y())));
export const Exp = unary((g) => g.y());
export const Log = unary((g) => g.emit('Reciprocal', [g.x()]));
export const Sin = unary((g) => g.emit('Cos', [g.x()]));
export const Cos = unary((g) => g.neg(g.emit('Sin', [g.x()])));
/** 2 / sqrt(pi) exp(-x^2). */
export const Erf = unary((g) => g.scale(g.emit('Exp', [g.neg(g.square(g.x()))]), 2 / Math.sqrt(Math.PI)));
export const Tanh = unary((g) => g.sub(one(g), g.square(g.y())));
/** dy y first: the last reader of y, which then is free. */
export const Sigmoid: VjpRule = {
  inputs: [0],
  vjp: (g) => {
    const rest = g.sub(one(g), g.y());
    return g.mul(g.mul(g.dy, g.y()), rest);
  },
};
export const Softplus = unary((g) => g.emit('Sigmoid', [g.x()]));
/** x sigmoid(alpha x), of the operator set 24 and of com.microsoft's QuickGelu. */
const gated = (g: Backward, alpha: number): string => {
  const s = g.emit('Sigmoid', [g.scale(g.x(), alpha)]);
  return g.mul(s, g.add(one(g), g.mul(g.scale(g.x(), alpha), g.sub(one(g), s))));
};
export const QuickGelu = unary((g) => gated(g, floatOf(g, 'alpha', 1.702)));
/** The output is asked, not the input, so that runtimes can still do Conv and Relu in one. */
export const Relu: VjpRule = { vjp: (g) => g.keepWhere(g.emit('Greater', [g.y(), g.scalar(0)]), g.dy) };
export const LeakyRelu: VjpRule = {
  vjp: (g) => g.emit('Where', [g.emit('Greater', [g.x(), g.scalar(0)]), g.dy, g.scale(g.dy, floatOf(g, 'alpha', 0.01))]),
};
export const Elu: VjpRule = {
  vjp: (g) => g.emit('Where', [g.emit('Greater', [g.x(), g.scalar(0)]), g.dy, g.mul(g.dy, g.add(g.y(), g.scalar(floatOf(g, 'alpha', 1))))]),
};
/** Hard sigmoid max(0, min(1, alpha x + beta)): a slope between its ends only. */
export const HardSigmoid: VjpRule = { vjp: (g) => g.scale(g.keepWhere(inside(g, g.y(), 0, 1), g.dy), floatOf(g, 'alpha', 0.2)) };
/** x max(0, min(1, x / 6 + 1 / 2)). */
export const HardSwish = unary((g) => {
  const middle = g.keepWhere(inside(g, g.x(), -3, 3), g.add(g.scale(g.x(), 1 / 3), g.scalar(0.5)));
  return g.add(middle, g.mask(g.emit('GreaterOrEqual', [g.x(), g.scalar(3)])));
});
/** Exact: Phi(x) + x phi(x). The tanh form: the derivative of x/2 (1 + tanh(u)), u = sqrt(2/pi) (x + 0.044715 x^3). */
export const Gelu = unary((g) => {
  const x = g.x();
  if (g.string('approximate', 'none') !== 'tanh') {
    const phi = g.scale(g.add(one(g), g.emit('Erf', [g.scale(x, Math.SQRT1_2)])), 0.5);
    return g.add(phi, g.mul(x, density(g, x)));
  }
  const c = Math.sqrt(2 / Math.PI);
  const cubic = g.scale(g.square(x), 0.044715);
  const t = g.emit('Tanh', [g.mul(g.scale(x, c), g.add(one(g), cubic))]);
  const slope = g.scale(g.add(one(g), g.scale(cubic, 3)), c);
  const product = g.mul(g.mul(x, slope), g.sub(one(g), g.square(t)));
  return g.scale(g.add(g.add(one(g), t), product), 0.5);
});
/** Limits are attributes in old operator sets, inputs in newer ones. As in PyTorch, x on a limit counts as inside. */
export const Clip: VjpRule = {
  inputs: [0],
  vjp: (g) => {
    const limits = [
      ['Less', 1, 'min'],
      ['Greater', 2, 'max'],
    ] as const;
    let gradient = g.dy;
    for (const [compare, index, attribute] of limits) {
      const limit = g.has(index) ? g.x(index) : limitAttribute(g, attribute);
      if (limit !== undefined) gradient = g.emit('Where', [g.emit(compare, [g.x(), limit]), g.scalar(0), gradient]);
    }
    return gradient;
  },
};
export const Where: VjpRule = {
  inputs: [1, 2],
  vjp: (g, i) => (i === 1 ? g.keepWhere(g.x(0), g.dy) : g.emit('Where', [g.x(0), g.scalar(0), g.dy])),
};
/** Ties share the gradient evenly. */
const extreme: Vjp = (g, i) => {
  const isExtreme = (index: number) => g.mask(g.emit('Equal', [g.x(index), g.y()]));
  const ties = g.node.inputs.map((_, index) => isExtreme(index)).reduce((a, b) => g.add(a, b));
  return g.mul(g.dy, g.div(isExtreme(i), ties));
};
export const Max: VjpRule = { vjp: extreme };
export const Min: VjpRule = { vjp: extreme };
export const Identity: VjpRule = { inputs: [0], vjp: (g) => g.dy };
/** Between floats only; the walker stops where the source is no float. */
export const Cast: VjpRule = { vjp: (g) => g.emit('Cast', [g.dy], { to: int(codeOf(g.type(0)!.dataType)) }) };

function inside(g: Backward, value: string, low: number, high: number): string {
  return g.emit('And', [g.emit('Greater', [value, g.scalar(low)]), g.emit('Less', [value, g.scalar(high)])]);
}

function floatOf(g: Backward, name: string, fallback: number): number {
  const attribute = g.node.attributes.get(name);
  return attribute?.kind === 'float' ? attribute.value : fallback;
}

function limitAttribute(g: Backward, name: string): string | undefined {
  const attribute = g.node.attributes.get(name);
  return attribute?.kind === 'float' ? g.scalar(attribute.value) : undefined;
}
