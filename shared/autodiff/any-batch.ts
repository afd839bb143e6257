/**
 * One graph for every batch size, from the graphs of three sizes. A rewrite that wants fixed shapes runs for each; the results must be the same but for
 * constants, and each constant that differs must be a function of the size, which is then computed when the graph runs. So no rule has to know about open
 * dims, and one that cannot be generalised is told by name.
 */
import { DiptychError } from '../errors.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import { elements, toBytes } from '../onnx/constant-values.ts';
import { codeOf } from '../onnx/data-type.ts';
import { sameAttributes, sameList, sameTensor } from '../onnx/same.ts';
import {
  type DataType,
  type Dim,
  type Graph,
  type GraphValue,
  int,
  int64Tensor,
  type Model,
  type Node,
  type Tensor,
  type ValueType,
} from '../onnx/ir.ts';

/** Primes above the sizes of most axes that are not a batch: what is equal by chance is not equal for all three. */
const SIZES = [5, 7, 11] as const;

/** The dim that stays open: axis 0 of these inputs, and its name. */
export interface BatchDim {
  symbol: string;
  inputs: readonly string[];
}

/**
 * The model that `build` makes of any batch size.
 *
 * @param build the same rewrite for each size: names of nodes and values may not depend on it
 * @throws DiptychError `graph_unsupported` naming a node whose constants are no function of the size that can be computed, and what `build` throws
 */
export function forAnyBatch(batch: BatchDim, build: (size: number) => Model): Model {
  const models = SIZES.map(build) as [Model, Model, Model];
  return new Generalisation(batch, models).run();
}

class Generalisation {
  readonly #batch: BatchDim;
  readonly #models: readonly [Model, Model, Model];
  readonly #graph: Graph;
  readonly #builder: GraphBuilder;
  /** What stands for three constants, by their names. */
  readonly #known = new Map<string, string>();
  #size: string | undefined;

  constructor(batch: BatchDim, models: readonly [Model, Model, Model]) {
    this.#batch = batch;
    this.#models = models;
    const [{ graph, opsets }] = models;
    this.#graph = { ...graph, initializers: new Map(graph.initializers) };
    this.#builder = new GraphBuilder(this.#graph, opsets.get('') ?? 0);
    this.#builder.scope(`${batch.symbol || 'batch'}.size`);
  }

  run(): Model {
    const [first, ...others] = this.#models.map(({ graph }) => graph) as [Graph, Graph, Graph];
    const byOutput = others.map(({ nodes }) => new Map(nodes.map((node) => [node.outputs[0]!, node])));
    const nodes = first.nodes.map((node) => this.#node([node, ...byOutput.map((map) => map.get(node.outputs[0]!))]));
    const graph: Graph = {
      ...this.#graph,
      nodes: [...this.#builder.nodes, ...nodes],
      inputs: first.inputs.map((value, k) =>
        this.#value(
          value,
          others.map(({ inputs }) => inputs[k]!),
        ),
      ),
      outputs: first.outputs.map((value, k) =>
        this.#value(
          value,
          others.map(({ outputs }) => outputs[k]!),
        ),
      ),
      valueInfo: new Map(
        Array.from(first.valueInfo, ([name, type]) => [name, this.#type([type, ...others.map(({ valueInfo }) => valueInfo.get(name))])]),
      ),
    };
    return { ...this.#models[0], graph };
  }

  #node(nodes: readonly (Node | undefined)[]): Node {
    const [node] = nodes as [Node];
    const alike = nodes.every(
      (other): other is Node => other?.opType === node.opType && other.inputs.length === node.inputs.length && sameAttributes(node, other),
    );
    if (!alike) throw this.#refusal(node, 'is another for other batches');
    return {
      ...node,
      inputs: node.inputs.map((_, k) =>
        this.#input(
          node,
          nodes.map(({ inputs }) => inputs[k]!),
        ),
      ),
    };
  }

  /** A value of all three graphs, or what stands for three constants. */
  #input(node: Node, names: readonly string[]): string {
    const tensors = this.#models.map(({ graph }, k) => graph.initializers.get(names[k]!));
    if (tensors.every((tensor) => tensor === undefined)) {
      if (names.every((name) => name === names[0])) return names[0]!;
    } else if (tensors.every((tensor) => tensor !== undefined)) {
      const key = names.join('\n');
      const known = this.#known.get(key) ?? this.#constant(names[0]!, tensors);
      if (known !== undefined) {
        this.#known.set(key, known);
        return known;
      }
    }
    throw this.#refusal(node, `reads ${names[0]}, which is no simple function of the batch`);
  }

  #constant(name: string, tensors: readonly Tensor[]): string | undefined {
    const [first, second, third] = tensors as [Tensor, Tensor, Tensor];
    if (sameTensor(first, second) && sameTensor(first, third)) return name;
    this.#builder.scope(`${this.#batch.symbol || 'batch'}.size/${this.#known.size}`);
    if (tensors.every(({ dims }) => sameList(dims, first.dims))) return this.#function(tensors);
    return this.#progression(tensors);
  }

  /** A constant of one shape whose elements are a size + c; those of a float may be 1 / (a size + c) instead. */
  #function(tensors: readonly Tensor[]): string | undefined {
    const [{ dataType, dims }] = tensors as [Tensor];
    const values = tensors.map(numbers);
    if (values.some((list) => list === undefined)) return undefined;
    if (dataType === 'int64') {
      const fit = linear(values as number[][], 0);
      return (
        fit &&
        this.#shaped(
          this.#line(this.#int64Size(), fit, (list) => this.#builder.int64s(list)),
          dims,
        )
      );
    }
    if (dataType !== 'float32') return undefined;
    const floats = (list: readonly number[]) => this.#builder.floats([list.length], list);
    const size = () => this.#builder.add('Cast', 'float', [this.#int64Size()], { to: int(1) });
    const direct = linear(values as number[][], 1e-6);
    if (direct) return this.#shaped(this.#line(size(), direct, floats), dims);
    const inverse = linear(
      (values as number[][]).map((list) => list.map((value) => 1 / value)),
      1e-6,
    );
    return inverse && this.#shaped(this.#builder.add('Reciprocal', 'inverse', [this.#line(size(), inverse, floats)]), dims);
  }

  /** As many slices along one axis as the batch has samples, all the same or each a constant step from the last. */
  #progression(tensors: readonly Tensor[]): string | undefined {
    const progressions = tensors.map((tensor, k) => progressionOf(tensor, tensors[(k + 1) % tensors.length]!, SIZES[k]!));
    const [first] = progressions;
    if (!first || !progressions.every((other) => other && sameTensor(first.base, other.base) && sameTensor(first.step, other.step)))
      return undefined;
    const { axis, base, step } = first;
    const name = this.#tensor('base', base);
    const spread = numbers(step)!.every((value) => value === 0)
      ? this.#expanded(name, base.dims, axis)
      : this.#builder.add('Add', 'value', [name, this.#builder.add('Mul', 'steps', [this.#range(base, axis), this.#tensor('step', step)])]);
    return this.#builder.add('Reshape', 'joined', [spread, this.#builder.int64s(base.dims.toSpliced(axis, 2, -1))]);
  }

  #expanded(name: string, dims: readonly number[], axis: number): string {
    const shape = this.#function(SIZES.map((size) => int64Tensor([dims.length], dims.with(axis, size))));
    return this.#builder.add('Expand', 'repeated', [name, shape!]);
  }

  /** 0, 1 ... size - 1 along `axis`, of the type of `like`. */
  #range(like: Tensor, axis: number): string {
    const end = this.#builder.add('Squeeze', 'end', [this.#int64Size()]);
    const [zero, one] = [this.#tensor('zero', int64Tensor([], [0])), this.#tensor('one', int64Tensor([], [1]))];
    const range = this.#builder.add('Range', 'range', [zero, end, one]);
    const typed = this.#builder.add('Cast', 'numbers', [range], { to: int(codeOf(like.dataType)) });
    return this.#shaped(typed, [-1, ...like.dims.slice(axis + 1).map(() => 1)]);
  }

  #tensor(label: string, tensor: Tensor): string {
    const name = `${this.#batch.symbol || 'batch'}.size/${this.#known.size}/${label}.constant`;
    this.#graph.initializers.set(name, tensor);
    return name;
  }

  /** size * slope + offset, elementwise. */
  #line(size: string, { slopes, offsets }: Line, constant: (list: readonly number[]) => string): string {
    const scaled = this.#builder.add('Mul', 'scaled', [size, constant(slopes)]);
    return this.#builder.add('Add', 'value', [scaled, constant(offsets)]);
  }

  #shaped(value: string, dims: readonly number[]): string {
    return dims.length === 1 ? value : this.#builder.add('Reshape', 'shaped', [value, this.#builder.int64s(dims)]);
  }

  /** The batch size as int64 [1]. */
  #int64Size(): string {
    this.#size ??= this.#builder.add(
      'Gather',
      'batch',
      [this.#builder.add('Shape', 'shape', [this.#batch.inputs[0]!]), this.#builder.int64s([0])],
      { axis: int(0) },
    );
    return this.#size;
  }

  #value({ name, type }: GraphValue, others: readonly GraphValue[]): GraphValue {
    return { name, type: this.#type([type, ...others.map((other) => other.type)]) };
  }

  /** Dims that grow with the batch go by its name. */
  #type(types: readonly (ValueType | undefined)[]): ValueType {
    const [{ dataType, dims }] = types as [ValueType];
    if (!dims || !types.every((type) => type?.dims?.length === dims.length)) return { dataType };
    const symbol = this.#batch.symbol || 'batch';
    const open = (axis: number): Dim => {
      const sizes = types.map((type) => type!.dims![axis]!);
      if (sizes.every((size) => size === sizes[0])) return sizes[0]!;
      return sizes.every((size, k) => size === SIZES[k]) ? symbol : '';
    };
    return { dataType, dims: dims.map((_, axis) => open(axis)) };
  }

  #refusal(node: Node, reason: string): DiptychError {
    const symbol = this.#batch.symbol || 'batch';
    const message = `node ${node.name} (${node.opType}) ${reason}; fix the size of ${symbol}`;
    return new DiptychError('graph_unsupported', message, { node: node.name, opType: node.opType, symbol });
  }
}

interface Line {
  slopes: number[];
  offsets: number[];
}

/** Slope and offset of each element over the three sizes; undefined where one is no line, to within `tolerance` of its size. */
function linear([a, b, c]: readonly number[][], tolerance: number): Line | undefined {
  const line: Line = { slopes: [], offsets: [] };
  for (let i = 0; i < a!.length; i++) {
    const slope = (b![i]! - a![i]!) / (SIZES[1] - SIZES[0]);
    const offset = a![i]! - slope * SIZES[0];
    const off = Math.abs(offset + slope * SIZES[2] - c![i]!);
    if (!(off <= tolerance * Math.abs(c![i]!)) || (tolerance === 0 && !Number.isInteger(slope))) return undefined;
    line.slopes.push(slope);
    line.offsets.push(offset);
  }
  return line;
}

const numbers = (tensor: Tensor): number[] | undefined => {
  const values = elements(tensor);
  return values && Array.from(values, Number);
};

/** Slices [.., 1, slice, ..] along an axis: the first, and what is added from one to the next. */
interface Progression {
  axis: number;
  base: Tensor;
  step: Tensor;
}

/** A tensor as `size` slices along the axis in which `other` is of another size; undefined for one that is none. */
function progressionOf(tensor: Tensor, other: Tensor, size: number): Progression | undefined {
  const { dims, dataType } = tensor;
  const axis = dims.findIndex((dim, k) => dim !== other.dims[k]);
  const values = numbers(tensor);
  if (!values || dims.length !== other.dims.length || dims[axis]! % size !== 0) return undefined;
  const part = [...dims.slice(0, axis), 1, dims[axis]! / size, ...dims.slice(axis + 1)];
  const inner = part.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const [base, step]: [number[], number[]] = [[], []];
  for (let i = 0; i < values.length; i++) {
    if (Math.floor(i / inner) % size > 0) continue;
    base.push(values[i]!);
    // What is repeated may be infinite, as in masks.
    step.push(values[i + inner] === values[i] ? 0 : values[i + inner]! - values[i]!);
  }
  const grows = step.some((value) => value !== 0);
  const exact = values.every((value, i) => {
    const at = Math.floor(i / inner) % size;
    const k = Math.floor(i / (inner * size)) * inner + (i % inner);
    return value === (step[k] === 0 ? base[k]! : base[k]! + at * step[k]!);
  });
  const [first, rise] = [tensorOf(dataType, part, base), tensorOf(dataType, part, step)];
  return exact && first && rise && (!grows || dataType === 'int64' || dataType === 'float32')
    ? { axis, base: first, step: rise }
    : undefined;
}

function tensorOf(dataType: DataType, dims: number[], values: readonly number[]): Tensor | undefined {
  if (dataType === 'int64') return int64Tensor(dims, values);
  const bytes = toBytes(dataType, values);
  return bytes && { dataType, dims, data: { kind: 'inline', bytes } };
}
