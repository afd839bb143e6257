import { toBytes } from './constant-values.ts';
import { fold } from './fold/fold.ts';
import { inferTypes } from './infer/rules.ts';
import { Call, type StaticType } from './infer/rule.ts';
import { type Graph, type GraphValue, int64Tensor, makeNode, type Node, type Tensor, type ValueType } from './ir.ts';
import { passesThrough } from './pass-through.ts';
import { renameReads } from './rename.ts';

/**
 * One walk over the graph in topological order: each node's types are inferred from what is known so far; a node that depends on
 * constants alone becomes initializers, one that changes nothing is bypassed, an If whose condition is known is replaced by its branch.
 * As a node's inputs are settled before it, one walk reaches the fixed point. Dead nodes and initializers are left behind.
 */
export function propagate(graph: Graph): Graph {
  return new Propagation(graph).run();
}

class Propagation {
  readonly #graph: Graph;
  readonly #outputs: ReadonlySet<string>;
  readonly #types = new Map<string, StaticType>();
  readonly #constants: Map<string, Tensor>;
  /** Values that are another one under a second name. */
  readonly #aliases = new Map<string, string>();
  readonly #nodes: Node[] = [];

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#outputs = new Set(graph.outputs.map((output) => output.name));
    this.#constants = new Map();
    for (const { name, type } of graph.inputs) this.#learn(name, staticType(type));
    for (const [name, tensor] of graph.initializers) this.#define(name, tensor);
  }

  run(): Graph {
    for (const node of this.#graph.nodes) this.#visit(node);
    return {
      ...this.#graph,
      nodes: this.#nodes,
      initializers: this.#constants,
      outputs: this.#graph.outputs.map((output): GraphValue => ({ name: output.name, type: this.#types.get(output.name) ?? output.type })),
      valueInfo: new Map([...this.#types].filter(([name]) => !this.#constants.has(name) && !this.#outputs.has(name))),
    };
  }

  #visit(original: Node): void {
    const node = renameReads(original, this.#aliases);
    const constant = constantNode(node);
    if (constant) return this.#define(node.outputs[0]!, constant);
    const call = this.#call(node);
    const branch = takenBranch(call);
    if (branch) return this.#inline(node, branch);
    const types = inferTypes(call);
    const folded = types && fold(call, types);
    if (folded) return node.outputs.forEach((name, index) => name !== '' && this.#define(name, folded[index]!));
    if (passesThrough(call, types?.[0]) && !this.#outputs.has(node.outputs[0]!)) {
      this.#aliases.set(node.outputs[0]!, node.inputs[0]!);
      return;
    }
    this.#nodes.push(node);
    node.outputs.forEach((name, index) => name !== '' && this.#learn(name, types?.[index] ?? staticType(this.#graph.valueInfo.get(name))));
  }

  #call(node: Node): Call {
    return new Call(
      node,
      node.inputs.map((name) => this.#types.get(name)),
      node.inputs.map((name) => this.#constants.get(name)),
    );
  }

  #define(name: string, tensor: Tensor): void {
    this.#constants.set(name, tensor);
    this.#learn(name, tensor);
  }

  #learn(name: string, type: StaticType | undefined): void {
    if (type) this.#types.set(name, { dataType: type.dataType, dims: type.dims });
  }

  /** The branch's nodes take the If's place; its outputs get the If's names through an Identity, which then goes the usual way. */
  #inline(node: Node, branch: Graph): void {
    for (const [name, tensor] of branch.initializers) this.#define(name, tensor);
    for (const inner of branch.nodes) this.#visit(inner);
    node.outputs.forEach((name, index) =>
      this.#visit(makeNode('Identity', `${node.name}/output_${index}`, [branch.outputs[index]!.name], [name])),
    );
  }
}

/** The value of a Constant node; texts stay nodes. */
function constantNode(node: Node): Tensor | undefined {
  if (node.opType !== 'Constant' || node.domain !== '') return undefined;
  const [attribute] = node.attributes.values();
  switch (attribute?.kind) {
    case 'tensor':
      return attribute.value;
    case 'int':
      return { ...int64Tensor([], []), data: { kind: 'inline', bytes: toBytes('int64', [BigInt(attribute.value)])! } };
    case 'ints':
      return {
        ...int64Tensor([attribute.value.length], []),
        data: { kind: 'inline', bytes: toBytes('int64', attribute.value.map(BigInt))! },
      };
    case 'float':
      return { dataType: 'float32', dims: [], data: { kind: 'inline', bytes: toBytes('float32', [attribute.value])! } };
    case 'floats':
      return { dataType: 'float32', dims: [attribute.value.length], data: { kind: 'inline', bytes: toBytes('float32', attribute.value)! } };
    default:
      return undefined;
  }
}

function takenBranch(call: Call): Graph | undefined {
  if (call.node.opType !== 'If' || call.node.domain !== '') return undefined;
  const condition = call.constantNumbers(0)?.[0];
  if (condition === undefined) return undefined;
  const branch = call.node.attributes.get(condition === 0 ? 'else_branch' : 'then_branch');
  return branch?.kind === 'graph' ? branch.value : undefined;
}

/** A declared type, if every dimension is a number. */
function staticType(type: ValueType | undefined): StaticType | undefined {
  return type?.dims?.every((dim) => typeof dim === 'number') ? { dataType: type.dataType, dims: type.dims } : undefined;
}
