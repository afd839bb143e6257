import type { Graph, Node, Tensor } from './ir.ts';

/**
 * A pass over the graph that leaves some of its initializers as they are: to the pass they are inputs, so what is computed from them is neither folded nor
 * renamed. An exporter that finds two equal weights writes the second as the Identity of the first; such a one gets a tensor of its own.
 *
 * @param names those that are no initializers are passed over
 */
export function keepApart(graph: Graph, names: readonly string[], pass: (graph: Graph) => Graph): Graph {
  const maker = new Map(graph.nodes.map((node) => [node.outputs[0]!, node]));
  const kept = new Map(
    names.flatMap((name): [string, Tensor][] => {
      const tensor = graph.initializers.get(original(name, maker));
      return tensor ? [[name, tensor]] : [];
    }),
  );
  const passed = pass({
    ...graph,
    nodes: graph.nodes.filter(({ outputs }) => !kept.has(outputs[0]!)),
    initializers: new Map([...graph.initializers].filter(([name]) => !kept.has(name))),
    inputs: [...graph.inputs, ...Array.from(kept, ([name, { dataType, dims }]) => ({ name, type: { dataType, dims } }))],
  });
  return {
    ...passed,
    inputs: passed.inputs.filter(({ name }) => !kept.has(name)),
    initializers: new Map([...passed.initializers, ...kept]),
    valueInfo: new Map([...passed.valueInfo].filter(([name]) => !kept.has(name))),
  };
}

/** What a chain of Identity nodes passes on. */
function original(name: string, maker: ReadonlyMap<string, Node>): string {
  const node = maker.get(name);
  return node?.opType === 'Identity' ? original(node.inputs[0]!, maker) : name;
}
