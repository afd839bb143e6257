import { GraphBuilder } from './builder.ts';
import { type Graph, intAttribute, type Model, type Node } from './ir.ts';

/**
 * The model with zero channels added to the input and the weights of every Conv that onnxruntime's WebGPU backend computes wrongly. Zeros change
 * no result, and only Convs over few channels are concerned: a network's first, over its latents.
 *
 * Measured on onnxruntime 1.29.0 against its CPU backend, for 1 to 21 channels in and 1 to 15 out (see the test):
 * - kernels larger than 1x1, channels out a multiple of four, channels in a multiple of three, more than three and no multiple of four
 *   (its shader then takes them in threes);
 * - 1x1 kernels with a bias, six channels out, fewer than eight in.
 */
export function padConvChannels(model: Model): Model {
  const graph = { ...model.graph, initializers: new Map(model.graph.initializers) };
  const builder = new GraphBuilder(graph, model.opsets.get('') ?? 0);
  graph.nodes = padded(model.graph, [], builder);
  return { ...model, graph };
}

/** The nodes of `graph`, which stands within the graphs `outer`, with what they lack emitted before them. */
function padded(graph: Graph, outer: readonly Graph[], builder: GraphBuilder): Node[] {
  const scopes = [graph, ...outer];
  return graph.nodes.flatMap((node) => {
    const missing = missingChannels(scopes, node);
    if (missing === 0) return [withPaddedBranches(node, scopes, builder)];
    builder.scope(`${node.name}/padded`);
    const pads = builder.int64s([0, 0, 0, 0, 0, missing, 0, 0]);
    const [x, w] = ['x', 'w'].map((label, index) => builder.add('Pad', label, [node.inputs[index]!, pads]));
    return [...builder.nodes.splice(0), { ...node, inputs: [x!, w!, ...node.inputs.slice(2)] }];
  });
}

function withPaddedBranches(node: Node, scopes: readonly Graph[], builder: GraphBuilder): Node {
  if (![...node.attributes.values()].some((attribute) => attribute.kind === 'graph')) return node;
  const attributes = new Map(node.attributes);
  for (const [name, attribute] of attributes) {
    if (attribute.kind !== 'graph') continue;
    attributes.set(name, { kind: 'graph', value: { ...attribute.value, nodes: padded(attribute.value, scopes, builder) } });
  }
  return { ...node, attributes };
}

/** How many channels a Conv's input lacks to be computed rightly; 0 for those of unknown or other than 2-D weights, and for grouped ones. */
function missingChannels(scopes: readonly Graph[], node: Node): number {
  if (node.domain !== '' || node.opType !== 'Conv' || intAttribute(node, 'group', 1) !== 1) return 0;
  const dims = dimsOf(scopes, node.inputs[1]!);
  if (dims?.length !== 4 || typeof dims[1] !== 'number') return 0;
  const [out, channels, height, width] = dims;
  if (height === 1 && width === 1) return node.inputs[2] && out === 6 && channels < 8 ? 8 - channels : 0;
  const inFour = typeof out !== 'number' || out % 4 === 0;
  return inFour && channels > 3 && channels % 3 === 0 && channels % 4 !== 0 ? 4 - (channels % 4) : 0;
}

function dimsOf(scopes: readonly Graph[], name: string): readonly (number | string)[] | undefined {
  for (const graph of scopes) {
    const value = graph.inputs.find((input) => input.name === name)?.type ?? graph.valueInfo.get(name);
    const dims = graph.initializers.get(name)?.dims ?? value?.dims;
    if (dims) return dims;
  }
  return undefined;
}
