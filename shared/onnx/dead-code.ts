import { type Graph, reads } from './ir.ts';

/** The graph without nodes and initializers that no output depends on, and without types of values that are gone. Inputs stay. */
export function removeDead(graph: Graph): Graph {
  const live = new Set(graph.outputs.map((output) => output.name));
  const nodes = graph.nodes
    .toReversed()
    .filter((node) => {
      if (!node.outputs.some((name) => live.has(name))) return false;
      for (const name of reads(node)) live.add(name);
      return true;
    })
    .toReversed();
  const made = new Set(nodes.flatMap((node) => node.outputs));
  return {
    ...graph,
    nodes,
    initializers: new Map([...graph.initializers].filter(([name]) => live.has(name))),
    valueInfo: new Map([...graph.valueInfo].filter(([name]) => made.has(name))),
  };
}
