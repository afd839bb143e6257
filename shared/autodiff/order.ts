/** Nodes in an order in which values are freed as early as the graph allows. */
import { byteLength } from '../onnx/data-type.ts';
import { type Graph, indexGraph, int64Tensor, makeNode, type Node, reads } from '../onnx/ir.ts';
import { isAlias, owners } from './planned-peak.ts';
import { valueTypes } from './value-types.ts';

/**
 * Backward nodes that turn a forward value into something smaller, like the condition of a Relu, run beside that forward value, if nothing else
 * in the backward pass reads it: 1 byte an element is kept and not 4.
 *
 * @param forward the other nodes are the backward pass
 * @returns the graph, and what belongs to its forward pass now
 */
export function shrinkEarly(graph: Graph, forward: ReadonlySet<Node>): { graph: Graph; forward: Set<Node> } {
  const early = smallerForms(graph, forward);
  const [initializers, types] = [new Map(graph.initializers), valueTypes(graph)];
  const waiting = Map.groupBy(early, (node) => lastMade(graph, node));
  const readEarly = new Set([...early].flatMap(({ outputs }) => outputs));
  // onnxruntime makes a value when it is first asked for, and asks for what is later in the file first: that must not be the gradient (`runtimeOrder`).
  const anchored = (name: string): Node => {
    const dims = types.get(name)!.dims;
    const shape = `constant.int64[${dims.join(',')}]`;
    initializers.set(shape, int64Tensor([dims.length], dims));
    return makeNode('Reshape', `${name}/anchor`, [name, shape], [`${name}/anchor`]);
  };
  const anchors = new Map<string, Node>();
  const nodes = graph.nodes.flatMap((node) => {
    if (early.has(node)) return [];
    if (forward.has(node)) return [node, ...(waiting.get(node) ?? [])];
    const fresh = new Set(node.inputs.filter((name) => readEarly.has(name) && !anchors.has(name)));
    for (const name of fresh) anchors.set(name, anchored(name));
    const inputs = node.inputs.map((name) => anchors.get(name)?.outputs[0] ?? name);
    return [...[...fresh].map((name) => anchors.get(name)!), { ...node, inputs }];
  });
  return { graph: { ...graph, nodes, initializers }, forward: new Set([...forward, ...early]) };
}

/** Backward nodes that make something smaller of a forward value which then is not needed any more. */
function smallerForms(graph: Graph, forward: ReadonlySet<Node>): Set<Node> {
  const [owner, bytes] = [owners(graph), sizes(graph)];
  const made = new Map(
    graph.nodes.filter((node) => forward.has(node)).flatMap((node) => node.outputs.map((name) => [name, node] as const)),
  );
  const known = (name: string) => made.has(name) || graph.initializers.has(name) || graph.inputs.some((input) => input.name === name);
  const readers = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    if (forward.has(node)) continue;
    for (const name of new Set(reads(node).map((input) => owner.get(input) ?? input)))
      readers.set(name, [...(readers.get(name) ?? []), node]);
  }
  const outputs = new Set(graph.outputs.map(({ name }) => owner.get(name) ?? name));
  const early = new Set<Node>();
  for (const name of made.keys()) {
    const nodes = outputs.has(name) ? [] : (readers.get(name) ?? []);
    if (nodes.length === 0 || nodes.some((node) => isAlias(node) || !reads(node).every(known))) continue;
    const size = nodes.flatMap((node) => node.outputs).reduce((sum, output) => sum + bytes(output), 0);
    if (size < bytes(name)) for (const node of nodes) early.add(node);
  }
  return early;
}

/** How many bytes a value takes; 0 where that is not known. */
function sizes(graph: Graph): (name: string) => number {
  const types = valueTypes(graph);
  return (name) => {
    const type = types.get(name);
    return type ? byteLength(type.dataType, type.dims) : 0;
  };
}

/** The forward node after which `node` can run. */
function lastMade(graph: Graph, node: Node): Node {
  const inputs = new Set(reads(node));
  return graph.nodes.findLast(({ outputs }) => outputs.some((name) => inputs.has(name)))!;
}

/**
 * Backward nodes that can wait run just before the gradient is made that they are combined with: those that read forward values alone, like the
 * slope of a Sigmoid, and those that make something larger of a gradient, like the way back through the shortcut of a residual block. Placed behind
 * that gradient, slopes would run as early as the forward value is there in onnxruntime (see `runtimeOrder`), and wait all the way up and down.
 *
 * @param forward the other nodes are the backward pass
 */
export function holdBack(graph: Graph, forward: ReadonlySet<Node>): Graph {
  const place = new Map(graph.nodes.map((node, index) => [node, index]));
  const producer = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const gradients = fromSeed(graph, forward);
  const { consumers } = indexGraph(graph);
  const bytes = sizes(graph);
  const target = new Map<Node, Node>();
  const isLocal = (node: Node) => !forward.has(node) && !gradients.has(node);
  const grows = (node: Node) =>
    reads(node).reduce((sum, name) => sum + (producer.has(name) ? bytes(name) : 0), 0) < bytes(node.outputs[0]!);
  const move = (node: Node, to: Node): void => {
    if (!isLocal(node) || place.get(node)! < place.get(to)!) return;
    const known = target.get(node);
    if (known && place.get(known)! <= place.get(to)!) return;
    target.set(node, to);
    for (const name of reads(node)) if (producer.has(name)) move(producer.get(name)!, to);
  };
  for (const node of gradients) {
    const makers = reads(node).flatMap((name) => producer.get(name) ?? []);
    const latest = makers.filter((maker) => gradients.has(maker)).reduce<Node | undefined>((a, b) => (a && place.get(a)! > place.get(b)! ? a : b), undefined); // prettier-ignore
    for (const maker of latest ? makers : []) {
      move(maker, latest!);
      const alone = maker !== latest && gradients.has(maker) && consumers.get(maker.outputs[0]!)?.length === 1;
      if (alone && grows(maker)) target.set(maker, latest!);
    }
  }
  const before = Map.groupBy([...target.keys()].toSorted((a, b) => place.get(a)! - place.get(b)!), (node) => target.get(node)!); // prettier-ignore
  const withWaiting = (node: Node): Node[] => [...(before.get(node) ?? []).flatMap(withWaiting), node];
  return { ...graph, nodes: graph.nodes.flatMap((node) => (target.has(node) ? [] : withWaiting(node))) };
}

/** Nodes of the backward pass that depend on its seed: its first node, made of constants alone. */
export function fromSeed(graph: Graph, forward: ReadonlySet<Node>): Set<Node> {
  const seed = graph.nodes.find((node) => !forward.has(node) && reads(node).every((name) => graph.initializers.has(name)));
  const [nodes, values] = [new Set<Node>(), new Set<string>()];
  for (const node of graph.nodes) {
    if (node !== seed && !reads(node).some((name) => values.has(name))) continue;
    nodes.add(node);
    for (const name of node.outputs) values.add(name);
  }
  return nodes;
}
