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
  const graph = { ...model.graph, initializers: new Map(model.graph.initializers), nodes: [] as Node[] };
  for (const node of model.graph.nodes) {
    const missing = missingChannels(model.graph, node);
    if (missing === 0) {
      graph.nodes.push(node);
      continue;
    }
    const builder = new GraphBuilder(graph, model.opsets.get('') ?? 0);
    builder.scope(`${node.name}/padded`);
    const pads = builder.int64s([0, 0, 0, 0, 0, missing, 0, 0]);
    const [x, w] = ['x', 'w'].map((label, index) => builder.add('Pad', label, [node.inputs[index]!, pads]));
    graph.nodes.push(...builder.nodes, { ...node, inputs: [x!, w!, ...node.inputs.slice(2)] });
  }
  return { ...model, graph };
}

/** How many channels a Conv's input lacks to be computed rightly; 0 for those of unknown or other than 2-D weights, and for grouped ones. */
function missingChannels(graph: Graph, node: Node): number {
  if (node.domain !== '' || node.opType !== 'Conv' || intAttribute(node, 'group', 1) !== 1) return 0;
  const dims = dimsOf(graph, node.inputs[1]!);
  if (dims?.length !== 4 || typeof dims[1] !== 'number') return 0;
  const [out, channels, height, width] = dims;
  if (height === 1 && width === 1) return node.inputs[2] && out === 6 && channels < 8 ? 8 - channels : 0;
  const inFour = typeof out !== 'number' || out % 4 === 0;
  return inFour && channels > 3 && channels % 3 === 0 && channels % 4 !== 0 ? 4 - (channels % 4) : 0;
}

function dimsOf(graph: Graph, name: string): readonly (number | string)[] | undefined {
  const value = graph.inputs.find((input) => input.name === name)?.type ?? graph.valueInfo.get(name);
  return graph.initializers.get(name)?.dims ?? value?.dims;
}
