import { DiptychError } from '../errors.ts';
import { type Graph, type GraphValue, makeNode, type Model, type Node, reads } from './ir.ts';
import { renameReads } from './rename.ts';

/**
 * Two forms of one graph over the same weights, of which a run computes one: `condition` becomes a scalar bool input, true for
 * `whenTrue`. Inputs are those of both. What depends on weights alone (a Cast of a half-precision one) stays outside, once.
 *
 * @throws graph_unsupported where the outputs of the two differ in their names
 */
export function either(condition: string, whenTrue: Model, whenFalse: Model): Model {
  const names = (model: Model) => model.graph.outputs.map(({ name }) => name).join(', ');
  if (names(whenTrue) !== names(whenFalse)) {
    const reason = `only graphs of the same outputs can be joined: one has ${names(whenTrue)}, the other ${names(whenFalse)}`;
    throw new DiptychError('graph_unsupported', reason, { condition });
  }
  const graphs = [whenTrue.graph, whenFalse.graph] as const;
  const constants = new Map(graphs.flatMap((graph) => constantNodes(graph).map((node) => [node.outputs[0]!, node] as const)));
  const branch = (index: 0 | 1, label: string) => ({ kind: 'graph' as const, value: asBranch(graphs[index], label, constants) });
  const outputs = graphs[0].outputs;
  const node = makeNode(
    'If',
    condition,
    [condition],
    outputs.map(({ name }) => name),
    { then_branch: branch(0, 'then'), else_branch: branch(1, 'else') },
  );
  const inputs = new Map(graphs.flatMap((graph) => graph.inputs.map((input) => [input.name, input] as const)));
  const graph: Graph = {
    name: graphs[0].name,
    nodes: [...constants.values(), node],
    initializers: new Map(graphs.flatMap((other) => [...other.initializers])),
    inputs: [{ name: condition, type: { dataType: 'bool', dims: [] } }, ...inputs.values()],
    outputs,
    valueInfo: new Map(graphs.flatMap((other) => [...other.valueInfo].filter(([name]) => constants.has(name)))),
  };
  return { ...whenTrue, opsets: new Map([...whenFalse.opsets, ...whenTrue.opsets]), graph };
}

/** The nodes, in order, that read nothing but initializers and each other, and make no output of the graph. */
function constantNodes(graph: Graph): Node[] {
  const known = new Set(graph.initializers.keys());
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  return graph.nodes.filter((node) => {
    const read = reads(node);
    if (read.length === 0 || !read.every((name) => known.has(name)) || node.outputs.some((name) => outputs.has(name))) return false;
    for (const name of node.outputs) known.add(name);
    return true;
  });
}

/** The graph as a subgraph: its values get names of their own, for names are unique across a model. */
function asBranch(graph: Graph, label: string, outside: ReadonlyMap<string, Node>): Graph {
  const nodes = graph.nodes.filter((node) => !outside.has(node.outputs[0]!));
  const own = new Set(nodes.flatMap((node) => node.outputs.filter((name) => name !== '')));
  const names = new Map([...own].map((name) => [name, `${label}/${name}`]));
  const rename = (name: string) => names.get(name) ?? name;
  const renamed = nodes.map((node) => ({ ...renameReads(node, names), name: `${label}/${node.name}`, outputs: node.outputs.map(rename) }));
  // A subgraph may only return what it computes.
  const outputs = graph.outputs.map(({ name, type }): GraphValue => ({ name: own.has(name) ? rename(name) : `${label}/${name}`, type }));
  const passed = graph.outputs
    .filter(({ name }) => !own.has(name))
    .map(({ name }) => makeNode('Identity', `${label}/${name}`, [name], [`${label}/${name}`]));
  const valueInfo = new Map([...graph.valueInfo].filter(([name]) => own.has(name)).map(([name, type]) => [rename(name), type]));
  return { name: `${graph.name}.${label}`, nodes: [...renamed, ...passed], initializers: new Map(), inputs: [], outputs, valueInfo };
}
