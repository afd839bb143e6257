/** What one rule of reverse-mode differentiation sees of a node, and the nodes that it may emit. */
import type { GraphBuilder } from '../onnx/builder.ts';
import { codeOf } from '../onnx/data-type.ts';
import { Call, type StaticType } from '../onnx/infer/rule.ts';
import { type Attribute, type DataType, int, ints, type Node, type Tensor } from '../onnx/ir.ts';

/** A node of the forward graph with what is known of its values. */
export interface ForwardNode {
  node: Node;
  inputs: readonly (StaticType | undefined)[];
  constants: readonly (Tensor | undefined)[];
  outputs: readonly (StaticType | undefined)[];
}

/** One node on the way back. Values are their names; what emits a node returns the name of its output. */
export class Backward extends Call {
  /** Gradients of the outputs; undefined for one that the loss does not depend on. */
  readonly dys: readonly (string | undefined)[];
  readonly opset: number;
  readonly #builder: GraphBuilder;
  readonly #outputs: readonly (StaticType | undefined)[];
  #count = 0;

  constructor(
    { node, inputs, constants, outputs }: ForwardNode,
    dys: readonly (string | undefined)[],
    builder: GraphBuilder,
    opset: number,
  ) {
    super(node, inputs, constants);
    this.dys = dys;
    this.opset = opset;
    this.#builder = builder;
    this.#outputs = outputs;
  }

  /** The gradient of the only output. */
  get dy(): string {
    return this.dys[0]!;
  }

  /** Input `index`. */
  x(index = 0): string {
    return this.node.inputs[index]!;
  }

  /** Output `index`. */
  y(index = 0): string {
    return this.node.outputs[index]!;
  }

  /** Dims of input `index`. */
  shape(index = 0): number[] {
    return this.dims(index)!;
  }

  /** Dims of output `index`. */
  yShape(index = 0): number[] {
    return this.#outputs[index]!.dims;
  }

  emit(opType: string, inputs: string[], attributes: Record<string, Attribute> = {}): string {
    return this.#builder.add(opType, String(this.#count++), inputs, attributes);
  }

  /** Of the outputs' gradients, and so of the constants beside them. */
  get dataType(): DataType {
    return this.#outputs[this.dys.findIndex((dy) => dy !== undefined)]!.dataType;
  }

  float(name: string, fallback: number): number {
    const attribute = this.node.attributes.get(name);
    return attribute?.kind === 'float' ? attribute.value : fallback;
  }

  /** A constant that broadcasts to any shape. */
  scalar(value: number): string {
    return this.floats([], [value]);
  }

  floats(dims: number[], values: readonly number[]): string {
    return this.#builder.floats(dims, values, this.dataType);
  }

  int64s(values: readonly number[]): string {
    return this.#builder.int64s(values);
  }

  add(a: string, b: string): string {
    return this.emit('Add', [a, b]);
  }

  sub(a: string, b: string): string {
    return this.emit('Sub', [a, b]);
  }

  mul(a: string, b: string): string {
    return this.emit('Mul', [a, b]);
  }

  div(a: string, b: string): string {
    return this.emit('Div', [a, b]);
  }

  neg(a: string): string {
    return this.emit('Neg', [a]);
  }

  square(a: string): string {
    return this.mul(a, a);
  }

  scale(a: string, factor: number): string {
    return factor === 1 ? a : this.mul(a, this.scalar(factor));
  }

  matmul(a: string, b: string): string {
    return this.emit('MatMul', [a, b]);
  }

  /** A condition as 1 and 0, or a number of another type, in that of the gradient. */
  mask(condition: string): string {
    return this.emit('Cast', [condition], { to: int(codeOf(this.dataType)) });
  }

  /** 1, 0 or -1; by comparisons, as Sign has no kernel on WebGPU. */
  sign(value: string): string {
    const [above, below] = ['Greater', 'Less'].map((compare) => this.mask(this.emit(compare, [value, this.scalar(0)])));
    return this.sub(above!, below!);
  }

  /** `value` where the condition holds, else 0. */
  keepWhere(condition: string, value: string): string {
    return this.emit('Where', [condition, value, this.scalar(0)]);
  }

  sum(value: string, axes: readonly number[], keep = true): string {
    return axes.length === 0 ? value : this.#builder.reduce('ReduceSum', String(this.#count++), value, axes, keep);
  }

  mean(value: string, axes: readonly number[]): string {
    return axes.length === 0 ? value : this.#builder.reduce('ReduceMean', String(this.#count++), value, axes, true);
  }

  reshape(value: string, dims: readonly number[]): string {
    return this.emit('Reshape', [value, this.int64s(dims)]);
  }

  expand(value: string, dims: readonly number[]): string {
    return this.emit('Expand', [value, this.int64s(dims)]);
  }

  transpose(value: string, perm: readonly number[]): string {
    return perm.every((axis, i) => axis === i) ? value : this.emit('Transpose', [value], { perm: ints(...perm) });
  }

  /** Elements `from` to `to` (exclusive) of one axis. */
  slice(value: string, axis: number, from: number, to: number): string {
    return this.emit('Slice', [value, this.int64s([from]), this.int64s([to]), this.int64s([axis])]);
  }

  /** The elements of some axes, of `sizes`, in reverse. */
  flip(value: string, axes: readonly number[], sizes: readonly number[]): string {
    const backwards = this.int64s(axes.map(() => -1));
    return this.emit('Slice', [value, backwards, this.int64s(sizes.map((size) => -1 - size)), this.int64s(axes), backwards]);
  }

  /** Zeros before and after each axis; negative counts cut. */
  pad(value: string, before: readonly number[], after: readonly number[]): string {
    return [...before, ...after].every((count) => count === 0) ? value : this.emit('Pad', [value, this.int64s([...before, ...after])]);
  }

  /** The matrix [rows, columns], row-major, applied to `axis` of a value of `rank` axes: [..., columns, ...] becomes [..., rows, ...]. */
  alongAxis(value: string, rank: number, axis: number, rows: number, columns: number, matrix: readonly number[]): string {
    const last = Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis);
    const perm = [...last, axis];
    const back = Array.from({ length: rank }, (_, i) => perm.indexOf(i));
    const transposed = Array.from({ length: rows * columns }, (_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]!);
    return this.transpose(this.matmul(this.transpose(value, perm), this.floats([columns, rows], transposed)), back);
  }

  /** Element k of `axis` is added to element `targets[k]` of an axis of `size`. */
  scatter(value: string, rank: number, axis: number, size: number, targets: readonly number[]): string {
    const matrix = Array<number>(size * targets.length).fill(0);
    for (const [k, target] of targets.entries()) matrix[target * targets.length + k] = 1;
    return this.alongAxis(value, rank, axis, size, targets.length, matrix);
  }
}

/**
 * The vector-Jacobian product of one operator: emits the gradient of input `input`, of that input's shape or of one that it was broadcast to.
 */
export type Vjp = (g: Backward, input: number) => string;

/** A rule, and which inputs have a gradient at all (all of them where left out): the others are indices, shapes, conditions. */
export interface VjpRule {
  inputs?: readonly number[];
  vjp: Vjp;
}

/** The rule of an operator of one input, from its derivative. */
export const unary = (derivative: (g: Backward) => string): VjpRule => ({ inputs: [0], vjp: (g) => g.mul(g.dy, derivative(g)) });
