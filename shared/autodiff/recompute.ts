/**
 * Trading time for memory (Griewank & Walther 2008, chapter 12; Chen et al. 2016, arXiv 1604.06174): values that are cheap to make again are made
 * again beside the backward nodes that read them, from values that are kept anyway.
 */
import { isFloat } from '../onnx/constant-values.ts';
import { byteLength, elementBytes } from '../onnx/data-type.ts';
import type { StaticType } from '../onnx/infer/rule.ts';
import { type DataType, type Graph, int, int64Tensor, makeNode, type Node, reads } from '../onnx/ir.ts';
import { fromSeed } from './order.ts';
import { isAlias, owners } from './planned-peak.ts';
import { valueTypes } from './value-types.ts';

/** Operators that cost about as much as reading their inputs. */
const CHEAP: ReadonlySet<string> = new Set(
  (
    'Abs Add BatchNormalization BiasGelu Cast Ceil Clip Concat Cos DepthToSpace Div Elu Equal Erf Exp Expand Flatten Floor Gelu Greater GreaterOrEqual ' +
    'GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax Max Min Mul ' +
    'Neg Not Pad Pow QuickGelu Reciprocal ReduceMax ReduceMean ReduceSum Relu Reshape Resize Sigmoid Sign Sin Slice Softmax Softplus SpaceToDepth ' +
    'Split Sqrt Squeeze Sub Swish Tanh Tile Transpose Unsqueeze Where'
  ).split(' '),
);

/** Of these only the first input is data: the others are settings, which some runtimes want constant. */
const ONE_OPERAND: ReadonlySet<string> = new Set(['Clip', 'Expand', 'Pad', 'Resize', 'Slice', 'Tile']);
/** A value this many times smaller than another is no burden beside it. */
const SMALL = 16;
/** Longest way from a kept value to one that is made again. */
const LONGEST = 24;
/** Readers further apart, in nodes, get a copy each. */
const NEAR = 48;
/** Values smaller than this share of all that the backward pass keeps are kept. */
const LEAST_SHARE = 1 / 4096;

/**
 * The gradient graph with copies of cheap forward nodes beside the backward nodes that read their outputs.
 *
 * A copy must run neither before the gradient that it is multiplied with is there, nor be merged with its original by the runtime (common
 * subexpressions are eliminated by default). Both follow if it depends on that gradient: a small operand, like the scale of a normalisation, gets 0 times
 * one element of the gradient added. That is exact as long as the gradient is finite.
 *
 * @param forward nodes whose outputs may be made again; the others are the backward pass, in the order of `graph.nodes`
 * @param prefix what names of the copies hold, unique in the graph
 */
export function recompute(graph: Graph, forward: ReadonlySet<Node>, prefix: string): Graph {
  return new Recomputation(graph, forward, prefix).run();
}

class Recomputation {
  readonly #graph: Graph;
  readonly #forward: ReadonlySet<Node>;
  readonly #prefix: string;
  readonly #types: ReadonlyMap<string, StaticType>;
  readonly #owner: ReadonlyMap<string, string>;
  readonly #producer = new Map<string, Node>();
  readonly #initializers: Graph['initializers'];
  readonly #nodes: Node[] = [];
  /** Values that are known only when the graph runs. */
  readonly #dynamic: Set<string>;
  /** What lives until the backward pass reads it. */
  readonly #kept = new Set<string>();
  readonly #again = new Set<string>();
  readonly #copies = new Map<string, { name: string; step: number }>();
  /** Values that depend on the gradient that the copies now wait for, by what they stand for. */
  readonly #tethers = new Map<string, string>();
  /** Copies, and what they read, that depend on a gradient. */
  readonly #waiting = new Set<string>();
  /** The latest gradient of each type, one element of which ties copies to their place. */
  readonly #latest = new Map<DataType, string>();
  #count = 0;

  constructor(graph: Graph, forward: ReadonlySet<Node>, prefix: string) {
    this.#graph = graph;
    this.#forward = forward;
    this.#prefix = prefix;
    this.#dynamic = new Set(graph.inputs.map(({ name }) => name));
    for (const node of graph.nodes)
      if (reads(node).some((name) => this.#dynamic.has(name))) for (const name of node.outputs) this.#dynamic.add(name);
    this.#types = valueTypes(graph);
    this.#owner = owners(graph);
    this.#initializers = new Map(graph.initializers);
    for (const node of graph.nodes) if (forward.has(node)) for (const name of node.outputs) this.#producer.set(name, node);
  }

  run(): Graph {
    this.#choose();
    const gradients = this.#gradients();
    for (const [step, node] of this.#graph.nodes.entries()) {
      if (this.#forward.has(node)) {
        this.#nodes.push(node);
        continue;
      }
      const inputs = node.inputs.map((name) => (this.#latest.size > 0 && this.#again.has(name) ? this.#copy(name, step) : name));
      this.#nodes.push({ ...node, inputs });
      if (gradients.has(node.outputs[0]!)) this.#follow(node.outputs[0]!);
    }
    return { ...this.#graph, nodes: this.#nodes, initializers: this.#initializers };
  }

  #bytes(name: string): number {
    const type = this.#types.get(name);
    return type ? byteLength(type.dataType, type.dims) : 0;
  }

  #dataType(name: string): DataType | undefined {
    return this.#types.get(name)?.dataType;
  }

  #follow(gradient: string): void {
    this.#latest.set(this.#dataType(gradient)!, gradient);
    this.#tethers.clear();
  }

  /** Settles which of the values that the backward pass reads are kept, in forward order: what is kept can serve those behind it. */
  #choose(): void {
    const backward = this.#graph.nodes.filter((node) => !this.#forward.has(node));
    const needed = new Set(backward.flatMap(reads).filter((name) => this.#producer.has(name)));
    const ordered = this.#graph.nodes.flatMap(({ outputs }) => outputs.filter((name) => needed.has(name)));
    for (const { name } of this.#graph.outputs) this.#kept.add(name);
    const threshold = LEAST_SHARE * ordered.reduce((sum, name) => sum + this.#bytes(name), 0);
    const isCheap = (name: string) =>
      this.#dynamic.has(name) && this.#bytes(name) > threshold && CHEAP.has(this.#producer.get(this.#source(name))?.opType ?? '');
    for (const name of ordered) if (!isCheap(name)) this.#keep(name);
    for (const name of ordered) {
      if (this.#isKept(name)) continue;
      const sources = this.#sources(name);
      const extra = sources?.reduce((sum, source) => sum + (this.#isKept(source) ? 0 : this.#bytes(source)), 0);
      if (extra === undefined || extra >= this.#bytes(name)) this.#keep(name);
      else {
        sources!.forEach((source) => this.#keep(source));
        this.#again.add(name);
      }
    }
  }

  #source(name: string): string {
    return this.#owner.get(name) ?? name;
  }

  #keep(name: string): void {
    this.#kept.add(name).add(this.#source(name));
  }

  #isKept(name: string): boolean {
    return this.#kept.has(name) || this.#kept.has(this.#source(name));
  }

  /** Whether a copy of `root` reads `name` as it is. */
  #endsAt(name: string, root: string): boolean {
    const node = this.#producer.get(name);
    return (
      !node || !this.#dynamic.has(name) || this.#isKept(name) || !CHEAP.has(node.opType) || this.#bytes(name) * SMALL <= this.#bytes(root)
    );
  }

  /** What `root` would be made from; undefined if the way there is too long. */
  #sources(root: string): string[] | undefined {
    const [sources, ways] = [new Set<string>(), new Set<Node>()];
    const pending = [root];
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (name !== root && this.#endsAt(name, root)) {
        if (this.#producer.has(name)) sources.add(this.#source(name));
        continue;
      }
      const node = this.#producer.get(name)!;
      if (ways.has(node)) continue;
      ways.add(node);
      if (ways.size > LONGEST) return undefined;
      pending.push(...reads(node));
    }
    return [...sources];
  }

  /** Values of the backward pass that copies can wait for. */
  #gradients(): Set<string> {
    const values = [...fromSeed(this.#graph, this.#forward)].flatMap(({ outputs }) => outputs);
    return new Set(values.filter((name) => this.#dynamic.has(name) && this.#types.has(name) && isFloat(this.#dataType(name)!)));
  }

  /** The copy of a forward value for the backward node at `step`. */
  #copy(root: string, step: number): string {
    const made = (name: string): string => {
      if (name !== root && (!this.#producer.has(name) || this.#endsAt(name, root))) return name;
      const known = this.#copies.get(name);
      if (known && step - known.step <= NEAR) {
        known.step = step;
        return known.name;
      }
      const original = this.#producer.get(name)!;
      const inputs = this.#tied(original, original.inputs.map((input) => (input === '' ? '' : made(input)))); // prettier-ignore
      const suffix = `/${this.#prefix}.again.${this.#count++}`;
      const outputs = original.outputs.map((output) => (output === '' ? '' : `${output}${suffix}`));
      this.#nodes.push({ ...original, name: `${original.name}${suffix}`, inputs, outputs });
      if (inputs.some((input) => this.#waiting.has(input))) for (const output of outputs) this.#waiting.add(output);
      original.outputs.forEach((output, index) => this.#copies.set(output, { name: outputs[index]!, step }));
      return this.#copies.get(name)!.name;
    };
    return made(root);
  }

  /** Inputs of a copy, one of them dependent on a gradient: the smallest, unless there already is such a one. */
  #tied(original: Node, inputs: string[]): string[] {
    if (isAlias(original) || inputs.some((name) => this.#waiting.has(name))) return inputs;
    const sizeAt = (index: number) => this.#bytes(original.inputs[index]!);
    const operands = [...inputs.keys()].slice(0, ONE_OPERAND.has(original.opType) ? 1 : undefined);
    const floats = operands.filter((index) => this.#latest.has(this.#dataType(original.inputs[index]!)!));
    const smallest = floats.toSorted((a, b) => sizeAt(a) - sizeAt(b))[0];
    if (smallest === undefined) return inputs;
    return inputs.with(smallest, this.#tether(inputs[smallest]!, this.#dataType(original.inputs[smallest]!)!));
  }

  #tether(name: string, dataType: DataType): string {
    const known = this.#tethers.get(name);
    if (known !== undefined) return known;
    const tether = this.#emit('Add', [name, this.#zero(dataType)]);
    this.#tethers.set(name, tether);
    this.#waiting.add(tether);
    return tether;
  }

  /** []: 0, once the latest gradient of the type is there. */
  #zero(dataType: DataType): string {
    const nothing = `again.nothing.${dataType}`;
    const known = this.#tethers.get(nothing);
    if (known !== undefined) return known;
    this.#initializers.set('again.flat', int64Tensor([1], [-1])).set('again.first', int64Tensor([], [0]));
    this.#initializers.set(nothing, { dataType, dims: [], data: { kind: 'inline', bytes: new Uint8Array(elementBytes(dataType)) } });
    const flat = this.#emit('Reshape', [this.#latest.get(dataType)!, 'again.flat']);
    const zero = this.#emit('Mul', [this.#emit('Gather', [flat, 'again.first'], { axis: int(0) }), nothing]);
    this.#tethers.set(nothing, zero);
    return zero;
  }

  #emit(opType: string, inputs: string[], attributes: Parameters<typeof makeNode>[4] = {}): string {
    const name = `${this.#prefix}/again/${opType}.${this.#count++}`;
    this.#nodes.push(makeNode(opType, name, inputs, [name], attributes));
    return name;
  }
}
