import type { Graph, Node } from './ir.ts';

/** A copy of `node` that reads `names.get(x)` instead of x, in its subgraphs too. */
export function renameReads(node: Node, names: ReadonlyMap<string, string>): Node {
  const attributes = new Map(node.attributes);
  for (const [key, attribute] of attributes) {
    if (attribute.kind === 'graph') attributes.set(key, { kind: 'graph', value: renameInGraph(attribute.value, names) });
  }
  return { ...node, inputs: node.inputs.map((name) => names.get(name) ?? name), attributes };
}

/** Names are unique across a graph and its subgraphs, so a captured name cannot be one of the subgraph's own. */
function renameInGraph(graph: Graph, names: ReadonlyMap<string, string>): Graph {
  return {
    ...graph,
    nodes: graph.nodes.map((node) => renameReads(node, names)),
    outputs: graph.outputs.map((output) => ({ ...output, name: names.get(output.name) ?? output.name })),
  };
}
