import { DiptychError } from '../../errors.ts';
import { elements } from '../constant-values.ts';
import { type DataType, intAttribute, intsAttribute, type Node, type Tensor } from '../ir.ts';

/** A type whose every dimension is known. */
export interface StaticType {
  dataType: DataType;
  dims: number[];
}

/**
 * The types of a node's outputs, in order, from those of its inputs (https://onnx.ai/onnx/operators/).
 * `undefined`: cannot be known (an input is unknown, or the shape depends on data that is not constant).
 */
export type ShapeRule = (call: Call) => StaticType[] | undefined;

/** One node as rules see it: its attributes, the types of its inputs and the values of the constant ones. */
export class Call {
  readonly node: Node;
  readonly #types: readonly (StaticType | undefined)[];
  readonly #constants: readonly (Tensor | undefined)[];

  constructor(node: Node, types: readonly (StaticType | undefined)[], constants: readonly (Tensor | undefined)[]) {
    this.node = node;
    this.#types = types;
    this.#constants = constants;
  }

  get inputCount(): number {
    return this.node.inputs.length;
  }

  has(index: number): boolean {
    return (this.node.inputs[index] ?? '') !== '';
  }

  type(index: number): StaticType | undefined {
    return this.#types[index];
  }

  dims(index: number): number[] | undefined {
    return this.#types[index]?.dims;
  }

  constant(index: number): Tensor | undefined {
    return this.#constants[index];
  }

  int(name: string, fallback: number): number {
    return intAttribute(this.node, name, fallback);
  }

  ints(name: string, fallback: number[]): number[] {
    return intsAttribute(this.node, name, fallback);
  }

  string(name: string, fallback: string): string {
    const attribute = this.node.attributes.get(name);
    return attribute?.kind === 'string' ? attribute.value : fallback;
  }

  constantNumbers(index: number): number[] | undefined {
    const tensor = this.#constants[index];
    const values: Iterable<number | bigint> | undefined = tensor && elements(tensor);
    return values && Array.from(values, Number);
  }

  /** A constant integer input as safe numbers: INT64_MAX, which exporters write for "to the end", becomes the largest safe one. */
  constantInts(index: number): number[] | undefined {
    return this.constantNumbers(index)?.map((value) => Math.min(Math.max(value, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER));
  }

  /**
   * Integers that older operator sets keep in an attribute and newer ones in an input: `fallback` where neither is given,
   * `undefined` where the input is not constant.
   */
  intsFrom(index: number, attribute: string, fallback: number[]): number[] | undefined {
    if (this.has(index)) return this.constantInts(index);
    return this.ints(attribute, fallback);
  }

  /** Axes counted from the end where negative. */
  axis(axis: number, rank: number): number {
    const positive = axis < 0 ? axis + rank : axis;
    if (positive < 0 || positive >= Math.max(rank, 1)) throw this.invalid(`axis ${axis} lies outside rank ${rank}`);
    return positive;
  }

  axes(axes: readonly number[], rank: number): number[] {
    return axes.map((axis) => this.axis(axis, rank));
  }

  invalid(reason: string): DiptychError {
    const shapes = this.#types.map((type) => (type ? `${type.dataType}[${type.dims.join(',')}]` : '?')).join(', ');
    const { name, opType } = this.node;
    return new DiptychError('onnx_invalid', `node ${name} (${opType}) with inputs (${shapes}): ${reason}`, { node: name, reason });
  }
}

/** The dims of values combined element by element. */
export function broadcast(call: Call, shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    const size = sizes.find((s) => s !== 1) ?? 1;
    if (sizes.some((s) => s !== 1 && s !== size)) throw call.invalid('the shapes do not broadcast');
    return size;
  });
}
