import { type Graph, indexGraph, type Node, reads } from '../onnx/ir.ts';

/**
 * The nodes in the order in which onnxruntime runs them one after another, which is not theirs in the file: depth first from those that nobody reads,
 * the last one first, what is later in the file before what is earlier (`Graph::ReverseDFSFrom`; sessions made from JavaScript have no
 * setting for it). A value is so made when it is first asked for. Exact where the runtime does not rewrite the graph.
 */
export function runtimeOrder(graph: Graph): Node[] {
  const { producer, consumers } = indexGraph(graph);
  const place = new Map(graph.nodes.map((node, index) => [node, index]));
  const makers = (node: Node): Node[] => [...new Set(reads(node).flatMap((name) => producer.get(name) ?? []))].toSorted((a, b) => place.get(a)! - place.get(b)!); // prettier-ignore
  const visited = new Set<Node>();
  const order: Node[] = [];
  const stack = graph.nodes.filter(({ outputs }) => !outputs.some((name) => consumers.has(name))).map((node) => ({ node, done: false }));
  for (let entry = stack.pop(); entry; entry = stack.pop()) {
    if (entry.done) order.push(entry.node);
    if (visited.has(entry.node)) continue;
    visited.add(entry.node);
    stack.push({ node: entry.node, done: true });
    for (const node of makers(entry.node)) if (!visited.has(node)) stack.push({ node, done: false });
  }
  return order;
}
