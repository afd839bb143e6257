import type { GraphBuilder } from '../onnx/builder.ts';
import type { Graph, Model } from '../onnx/ir.ts';
import { splice } from '../onnx/splice.ts';
import { emitGram, gramWidth } from './gram.ts';
import { gramFeature } from './gram-layer.ts';

/** A value [1, width]. */
export interface Embedding {
  value: string;
  width: number;
}

/**
 * Adds an image encoder to the graph, once, and what is compared of it: for each of `compared` its first output, or the Gram matrix of a layer. The
 * nodes of `builder` so far must be in the graph; those that make a Gram matrix are placed in it.
 *
 * @param pixels value [1, 3, H, W], the encoder's input
 * @throws DiptychError `graph_unsupported` where the encoder has no such layer
 */
export function emitEmbeddings(
  graph: Graph,
  builder: GraphBuilder,
  encoder: Model,
  prefix: string,
  pixels: string,
  compared: readonly { gramLayer?: string | undefined }[],
): Embedding[] {
  const { inputs, outputs, valueInfo } = encoder.graph;
  const layers = new Map(
    compared.flatMap(({ gramLayer }) => (gramLayer === undefined ? [] : [[gramLayer, gramFeature(encoder, gramLayer)]])),
  );
  const inner = [...layers.keys()].map((name) => ({ name, type: valueInfo.get(name)! }));
  const opened = { ...encoder, graph: { ...encoder.graph, outputs: [...outputs, ...inner] } };
  const values = splice(graph, opened, prefix, { [inputs[0]!.name]: pixels });
  return compared.map(({ gramLayer }) => {
    if (gramLayer === undefined) return { value: values.get(outputs[0]!.name)!, width: outputs[0]!.type.dims!.at(-1) as number };
    const shape = layers.get(gramLayer)!;
    builder.scope(`${prefix}/gram`);
    const value = emitGram(builder, values.get(gramLayer)!, shape);
    graph.nodes.push(...builder.nodes.splice(0));
    return { value, width: gramWidth(shape) };
  });
}
