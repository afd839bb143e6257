/** Operators that work element by element. `dy` is multiplied by the derivative; the walker sums over what was broadcast. */
import { codeOf } from '../../onnx/data-type.ts';
import { int } from '../../onnx/ir.ts';
import { type Backward, unary, type Vjp, type VjpRule } from '../backward.ts';

const one = (g: Backward): string => g.scalar(1);

export const Add: VjpRule = { vjp: (g) => g.dy };
export const Sub: VjpRule = { vjp: (g, i) => (i === 0 ? g.dy : g.neg(g.dy)) };
export const Mul: VjpRule = { vjp: (g, i) => g.mul(g.dy, g.x(1 - i)) };
export const Div: VjpRule = { vjp: (g, i) => (i === 0 ? g.div(g.dy, g.x(1)) : g.neg(g.div(g.mul(g.dy, g.y()), g.x(1)))) };
export const Sum: VjpRule = { vjp: (g) => g.dy };
export const Mean: VjpRule = { vjp: (g) => g.scale(g.dy, 1 / g.inputCount) };
/** x - b q, where q is x / b rounded down or towards 0. */
export const Mod: VjpRule = { vjp: (g, i) => (i === 0 ? g.dy : g.mul(g.dy, g.div(g.sub(g.y(), g.x(0)), g.x(1)))) };
/** Squares and cubes are products. Where x is 0 the logarithm is not taken: 0^e has no slope in e. */
export const Pow: VjpRule = {
  vjp: (g, i) => {
    const constant = g.shape(1).length === 0 ? g.constantNumbers(1)?.[0] : undefined;
    if (i === 0 && constant === 2) return g.mul(g.dy, g.scale(g.x(0), 2));
    if (i === 0 && constant === 3) return g.mul(g.dy, g.scale(g.square(g.x(0)), 3));
    // Base and exponent may be of different types.
    const exponent = g.type(1)!.dataType === g.dataType ? g.x(1) : g.mask(g.x(1));
    if (i === 0) return g.mul(g.dy, g.mul(exponent, g.emit('Pow', [g.x(0), g.sub(exponent, one(g))])));
    const positive = g.emit('Greater', [g.x(0), g.scalar(0)]);
    const safe = g.emit('Where', [positive, g.x(0), one(g)]);
    return g.mul(g.dy, g.mul(g.y(), g.emit('Log', [safe])));
  },
};
export const Neg: VjpRule = { vjp: (g) => g.neg(g.dy) };
export const Abs = unary((g) => g.sign(g.x()));
export const Sqrt = unary((g) => g.div(g.scalar(0.5), g.y()));
export const Reciprocal = unary((g) => g.neg(g.square(g.y())));
export const Exp = unary((g) => g.y());
export const Log = unary((g) => g.emit('Reciprocal', [g.x()]));
export const Sin = unary((g) => g.emit('Cos', [g.x()]));
export const Cos = unary((g) => g.neg(g.emit('Sin', [g.x()])));
/** 1 + tan(x)^2. */
export const Tan = unary((g) => g.add(one(g), g.square(g.y())));
/** 1 / sqrt(1 - x^2). */
export const Asin = unary((g) => inverseRoot(g, g.sub(one(g), g.square(g.x()))));
export const Acos = unary((g) => g.neg(inverseRoot(g, g.sub(one(g), g.square(g.x())))));
/** 1 / (1 + x^2). */
export const Atan = unary((g) => g.emit('Reciprocal', [g.add(one(g), g.square(g.x()))]));
export const Sinh = unary((g) => g.emit('Cosh', [g.x()]));
export const Cosh = unary((g) => g.emit('Sinh', [g.x()]));
export const Asinh = unary((g) => inverseRoot(g, g.add(g.square(g.x()), one(g))));
export const Acosh = unary((g) => inverseRoot(g, g.sub(g.square(g.x()), one(g))));
export const Atanh = unary((g) => g.emit('Reciprocal', [g.sub(one(g), g.square(g.x()))]));
/** 2 / sqrt(pi) exp(-x^2). */
export const Erf = unary((g) => g.scale(g.emit('Exp', [g.neg(g.square(g.x()))]), 2 / Math.sqrt(Math.PI)));
export const Tanh = unary((g) => g.sub(one(g), g.square(g.y())));
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
/** In inference, or where nothing is dropped. */
export const Dropout: VjpRule = {
  inputs: [0],
  vjp: (g) => {
    const isZero = (index: number) => !g.has(index) || g.constantNumbers(index)?.[0] === 0;
    if (!isZero(2) && !(g.has(1) && isZero(1))) throw g.invalid('Dropout in training mode has no gradient here; export in evaluation mode');
    return g.dy;
  },
};
/** Between floats only; the walker stops where the source is no float. */
const cast: VjpRule = { inputs: [0], vjp: (g) => g.emit('Cast', [g.dy], { to: int(codeOf(g.type(0)!.dataType)) }) };
export const Cast = cast;
export const CastLike = cast;

const inverseRoot = (g: Backward, value: string): string => g.emit('Reciprocal', [g.emit('Sqrt', [value])]);

function limitAttribute(g: Backward, name: string): string | undefined {
  const attribute = g.node.attributes.get(name);
  return attribute?.kind === 'float' ? g.scalar(attribute.value) : undefined;
}
