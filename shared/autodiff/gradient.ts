/** Reverse-mode automatic differentiation from ONNX graph to ONNX graph (Griewank & Walther 2008, chapter 3). */
import { DiptychError } from '../errors.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import { isFloat } from '../onnx/constant-values.ts';
import { removeDead } from '../onnx/dead-code.ts';
import { Call, type StaticType } from '../onnx/infer/rule.ts';
import { inferTypes } from '../onnx/infer/rules.ts';
import { type Graph, type Model, type Node, reads, type ValueType } from '../onnx/ir.ts';
import { raiseOpset } from '../onnx/raise-opset.ts';
import { Backward, type ForwardNode, type VjpRule } from './backward.ts';
import { holdBack, shrinkEarly } from './order.ts';
import { recompute } from './recompute.ts';
import { NON_DIFFERENTIABLE, VJP_RULES } from './vjp-rules.ts';

export interface GradientOptions {
  /** A float output of the graph. Where it has more than one element, the gradient is that of their sum. */
  loss: string;
  /** Inputs or initializers of the graph whose gradients are wanted. */
  inputs: readonly string[];
  /** What the names of the gradients begin with; `grad` where left out. Gradients of several losses of one graph need different ones. */
  prefix?: string;
  /** Makes cheap forward values again beside the backward nodes that read them, in place of keeping them: less memory, some more time. */
  recompute?: boolean;
}

/** The output that carries the gradient of a value. */
export const gradientName = (value: string, prefix = 'grad'): string => `${prefix}.${value}`;

/**
 * The model with an output `PREFIX.NAME`, of the value's own shape, for each of `inputs`. Forward values that the backward pass needs are shared
 * with it. Weights get no gradient unless they are asked for.
 *
 * @param given normalised: every value on the way from the inputs to the loss has a known shape
 * @throws DiptychError `graph_unsupported` naming operator, node and shapes for one that cannot be differentiated; for a value that is not there, or on which the loss does not depend
 */
export function gradient(given: Model, options: GradientOptions): Model {
  const model = raiseOpset(given);
  const graph: Graph = { ...model.graph, initializers: new Map(model.graph.initializers), valueInfo: new Map(model.graph.valueInfo) };
  const outputs = new Reverse(model, graph, options).run();
  graph.outputs = [...model.graph.outputs, ...outputs.map(({ name, type }) => ({ name, type }))];
  const own = new Set(model.graph.nodes);
  const ordered = shrinkEarly(holdBack(removeDead(graph), own), own);
  return {
    ...model,
    graph: options.recompute ? removeDead(recompute(ordered.graph, ordered.forward, options.prefix ?? 'grad')) : ordered.graph,
  };
}

class Reverse {
  readonly #model: Model;
  readonly #graph: Graph;
  readonly #options: GradientOptions;
  readonly #types: Map<string, ValueType>;
  readonly #builder: GraphBuilder;
  /** Gradients of values, summed over the readers visited so far. */
  readonly #sums = new Map<string, string>();
  #count = 0;
  #inferred = 0;

  constructor(model: Model, graph: Graph, options: GradientOptions) {
    this.#model = model;
    this.#graph = graph;
    this.#options = options;
    this.#builder = new GraphBuilder(graph, this.#opset);
    this.#types = new Map<string, ValueType>([
      ...graph.valueInfo,
      ...[...graph.inputs, ...graph.outputs].map(({ name, type }) => [name, type] as const),
    ]);
  }

  get #prefix(): string {
    return this.#options.prefix ?? 'grad';
  }

  get #opset(): number {
    return this.#model.opsets.get('') ?? 0;
  }

  run(): { name: string; type: StaticType }[] {
    const { loss } = this.#options;
    const inputs = [...new Set(this.#options.inputs)];
    const active = this.#dependents(inputs);
    this.#expectFloats();
    this.#seed(loss);
    for (const node of this.#graph.nodes.toReversed()) if (node.outputs.some((name) => active.has(name))) this.#visit(node, active);
    const results = inputs.map((name) => ({
      name: gradientName(name, this.#prefix),
      type: this.#type(name)!,
      from: this.#sums.get(name),
    }));
    const apart = inputs.filter((name) => !this.#sums.has(name));
    if (apart.length > 0) throw refusal(`${loss} does not depend on ${apart.join(', ')} by differentiable operators`, { loss });
    this.#builder.scope(this.#prefix);
    for (const { name, from } of results) this.#builder.add('Identity', name, [from!], {}, name);
    this.#graph.nodes = [...this.#graph.nodes, ...this.#builder.nodes];
    return results;
  }

  /** Every value that depends on one of `roots` by way of floats. One of unknown type counts: its operator is refused when the loss depends on it. */
  #dependents(roots: readonly string[]): Set<string> {
    const active = new Set(roots);
    for (const node of this.#graph.nodes) {
      const flows = reads(node).some((name) => active.has(name)) && !NON_DIFFERENTIABLE.has(node.opType);
      if (flows) for (const name of node.outputs) if (name !== '' && mayBeFloat(this.#types.get(name))) active.add(name);
    }
    return active;
  }

  #expectFloats(): void {
    const { loss, inputs } = this.#options;
    for (const name of [...inputs, loss]) {
      const type = this.#graph.initializers.get(name) ?? this.#types.get(name);
      if (!type)
        throw refusal(
          `the graph ${this.#graph.name} has no value ${name}; its inputs are ${names(this.#graph.inputs)}, its outputs ${names(this.#graph.outputs)}`,
          { name },
        );
      if (!mayBeFloat(type)) throw refusal(`${name} is ${type.dataType}; only floats have gradients`, { name });
    }
  }

  #seed(loss: string): void {
    const type = this.#type(loss);
    if (!type) throw this.#shapeless(loss);
    this.#builder.scope(`${this.#prefix}/seed`);
    const one = this.#builder.floats([], [1], type.dataType);
    this.#sums.set(loss, this.#builder.add('Expand', 'one', [one, this.#builder.int64s(type.dims)]));
  }

  #visit(node: Node, active: ReadonlySet<string>): void {
    this.#builder.scope(`${this.#prefix}/${node.name || node.outputs[0]!}.${this.#count++}`);
    const dys = node.outputs.map((name) => this.#sums.get(name));
    if (dys.every((dy) => dy === undefined)) return;
    const wanted = [...node.inputs.keys()].filter((index) => active.has(node.inputs[index]!));
    const rule = this.#rule(node);
    const g = new Backward(this.#forward(node), dys, this.#builder, this.#opset);
    for (const index of wanted) {
      if (rule.inputs && !rule.inputs.includes(index)) continue;
      this.#accumulate(node.inputs[index]!, this.#fitted(rule.vjp(g, index), node.inputs[index]!));
    }
  }

  #rule(node: Node): VjpRule {
    const known = node.domain === '' || node.domain === 'com.microsoft' ? VJP_RULES[node.opType] : undefined;
    if (known) return known;
    throw this.#unsupported(node);
  }

  #unsupported(node: Node): DiptychError {
    const shapes = node.inputs.map((name) => describe(this.#graph.initializers.get(name) ?? this.#types.get(name))).join(', ');
    return refusal(
      `node ${node.name} (${node.domain ? `${node.domain}.` : ''}${node.opType}) with inputs (${shapes}) has no gradient rule`,
      { node: node.name, opType: node.opType },
    );
  }

  #forward(node: Node): ForwardNode {
    const typeOf = (name: string): StaticType | undefined => (name === '' ? undefined : this.#type(name));
    const inputs = node.inputs.map(typeOf);
    const unknown = node.inputs.find((name, index) => name !== '' && !inputs[index]);
    if (unknown !== undefined) throw this.#shapeless(unknown);
    return { node, inputs, constants: node.inputs.map((name) => this.#graph.initializers.get(name)), outputs: node.outputs.map(typeOf) };
  }

  /** What to say of a value of unknown shape: it is for the first node on the way to it whose inputs are known. */
  #shapeless(name: string): DiptychError {
    const maker = this.#graph.nodes.find(({ outputs }) => outputs.includes(name));
    if (!maker) return refusal(`the shape of ${name} is not known; give fixed input dims`, { value: name });
    const before = reads(maker).find((input) => !this.#type(input));
    if (before !== undefined) return this.#shapeless(before);
    if (!VJP_RULES[maker.opType]) return this.#unsupported(maker);
    const reason = `node ${maker.name} (${maker.opType}): the shape of its output ${name} is not known`;
    return refusal(reason, { node: maker.name, opType: maker.opType, value: name });
  }

  /** Of a value of the forward graph or of one emitted since; constants are known by themselves. */
  #type(name: string): StaticType | undefined {
    const type = this.#graph.initializers.get(name) ?? this.#types.get(name);
    return type?.dims?.every((dim) => typeof dim === 'number') ? { dataType: type.dataType, dims: type.dims } : undefined;
  }

  /** A gradient in the shape of what `name` was broadcast to, summed to the shape of `name`; one that is still to be broadcast, expanded. */
  #fitted(gradient: string, name: string): string {
    this.#inferNew();
    const [from, to] = [this.#type(gradient)!.dims, this.#type(name)!.dims];
    const extra = from.length - to.length;
    const leading = Array.from({ length: Math.max(0, extra) }, (_, axis) => axis);
    const repeated = to.flatMap((size, axis) => (size === 1 && (from[axis + extra] ?? 1) !== 1 ? [axis + extra] : []));
    const label = (what: string) => `${what}.${this.#count++}`;
    let value = gradient;
    if (leading.length + repeated.length > 0)
      value = this.#builder.reduce('ReduceSum', label('unbroadcast'), value, [...leading, ...repeated], true);
    if (extra > 0) value = this.#builder.add('Reshape', label('shape'), [value, this.#builder.int64s(to)]);
    if (to.some((size, axis) => size !== 1 && (from[axis + extra] ?? 1) === 1))
      value = this.#builder.add('Expand', label('expand'), [value, this.#builder.int64s(to)]);
    this.#inferNew();
    return value;
  }

  /** Types of the nodes emitted since the last time. */
  #inferNew(): void {
    for (; this.#inferred < this.#builder.nodes.length; this.#inferred++) {
      const node = this.#builder.nodes[this.#inferred]!;
      const { inputs, constants } = this.#forward(node);
      const types = inferTypes(new Call(node, inputs, constants));
      if (!types) throw refusal(`the shape of the gradient node ${node.name} (${node.opType}) cannot be inferred`, { node: node.name });
      node.outputs.forEach((name, index) => this.#types.set(name, types[index]!));
    }
  }

  /** Parts are added as they come: none waits for the last one. */
  #accumulate(name: string, part: string): void {
    const sum = this.#sums.get(name);
    this.#sums.set(name, sum === undefined ? part : this.#builder.add('Add', `sum.${this.#count++}`, [sum, part]));
  }
}

const mayBeFloat = (type: ValueType | undefined): boolean => type === undefined || isFloat(type.dataType);
const names = (values: readonly { name: string }[]): string => values.map(({ name }) => name).join(', ');
const describe = (type: ValueType | undefined): string => (type ? `${type.dataType}[${type.dims?.join(',') ?? '?'}]` : '?');

function refusal(reason: string, details: Record<string, string>): DiptychError {
  return new DiptychError('graph_unsupported', reason, details);
}
