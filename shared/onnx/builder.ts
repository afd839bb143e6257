/** Emits nodes one after another: a rewrite says what is computed, the builder invents names and shares constants. */
import { DiptychError } from '../errors.ts';
import { toBytes } from './constant-values.ts';
import { type Attribute, type DataType, type Graph, int, int64Tensor, ints, makeNode, type Node, type Tensor } from './ir.ts';
import { sameTensor } from './same.ts';

/** As many values are listed in a constant's name. */
const SHORT = 16;

export class GraphBuilder {
  /** The nodes emitted so far, in order. The caller places them in the graph. */
  readonly nodes: Node[] = [];
  readonly #graph: Graph;
  readonly #opset: number;
  #prefix = '';

  /** `opset`: the standard domain's version, which decides whether reductions take axes as input or as attribute. */
  constructor(graph: Graph, opset: number) {
    this.#graph = graph;
    this.#opset = opset;
  }

  /** Names of what follows begin with `prefix`, which must be unique in the graph. */
  scope(prefix: string): void {
    this.#prefix = prefix;
  }

  /** One node with one output, whose name is returned. `label` tells apart nodes of one type within a scope. */
  add(
    opType: string,
    label: string,
    inputs: string[],
    attributes: Record<string, Attribute> = {},
    output = `${this.#prefix}/${label}`,
  ): string {
    this.nodes.push(makeNode(opType, `${this.#prefix}/${label}/${opType}`, inputs, [output], attributes));
    return output;
  }

  /** ReduceSum, ReduceMean, ReduceL2 over `axes`, kept as size 1 if `keep`. */
  reduce(opType: 'ReduceSum' | 'ReduceMean' | 'ReduceL2', label: string, input: string, axes: readonly number[], keep: boolean): string {
    const keepdims = int(keep ? 1 : 0);
    const axesAreInput = this.#opset >= (opType === 'ReduceSum' ? 13 : 18);
    if (axesAreInput) return this.add(opType, label, [input, this.int64s(axes)], { keepdims });
    return this.add(opType, label, [input], { axes: ints(...axes), keepdims });
  }

  unsqueeze(label: string, input: string, axes: readonly number[]): string {
    return this.add('Unsqueeze', label, [input, this.int64s(axes)]);
  }

  /** The name of a constant 1-D int64 tensor. */
  int64s(values: readonly number[]): string {
    return this.#constant('int64', values, () => int64Tensor([values.length], values));
  }

  /**
   * The name of a constant tensor of floats.
   *
   * @throws DiptychError `graph_unsupported` for bfloat16
   */
  floats(dims: number[], values: readonly number[], dataType: DataType = 'float32'): string {
    return this.#constant(`${dataType}[${dims.join('x')}]`, values, () => {
      const bytes = toBytes(dataType, values);
      if (!bytes) throw new DiptychError('graph_unsupported', `constants of ${dataType} cannot be made; export the graph in float32`);
      return { dataType, dims, data: { kind: 'inline', bytes } };
    });
  }

  /** Equal constants share one tensor. A short one goes by its values, a long one by a number made of them. */
  #constant(type: string, values: readonly number[], make: () => Tensor): string {
    const { initializers } = this.#graph;
    if (values.length <= SHORT) {
      const name = `constant.${type}[${values.join(',')}]`;
      if (!initializers.has(name)) initializers.set(name, make());
      return name;
    }
    const tensor = make();
    let name = `constant.${type}#${fingerprint(values)}`;
    while (initializers.has(name) && !sameTensor(initializers.get(name)!, tensor)) name += '*';
    initializers.set(name, tensor);
    return name;
  }
}

/** FNV-1a over the values as float32. */
function fingerprint(values: readonly number[]): string {
  const bits = new Uint32Array(Float32Array.from(values).buffer);
  return bits.reduce((hash, word) => Math.imul(hash ^ word, 0x01000193) >>> 0, 0x811c9dc5).toString(16);
}
