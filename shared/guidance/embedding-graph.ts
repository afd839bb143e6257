import { GraphBuilder } from '../onnx/builder.ts';
import type { Graph, Model } from '../onnx/ir.ts';
import { emitEmbeddings } from './embeddings.ts';
import { emitPreprocess, type Preprocessing } from './preprocess.ts';

/** Input [1, 3, height, width] in [-1, 1], and output [1, width] of length 1, which a metric compares. */
export const EMBEDDING = { image: 'image', embedding: 'embedding' } as const;

/** Keeps a length of zero from dividing. */
const LEAST = 1e-12;

/**
 * A picture of this size to its embedding, preprocessed as guidance does it: what a LoRA's references are made with.
 *
 * @param gramLayer the value in the encoder whose Gram matrix is the embedding, in place of the encoder's output
 */
export function embeddingGraph(
  encoder: Model,
  preprocessing: Preprocessing,
  size: { height: number; width: number },
  gramLayer?: string | undefined,
): Model {
  const image = { name: EMBEDDING.image, type: { dataType: 'float32' as const, dims: [1, 3, size.height, size.width] } };
  const graph: Graph = { name: 'embedding', nodes: [], initializers: new Map(), inputs: [image], outputs: [], valueInfo: new Map() };
  const builder = new GraphBuilder(graph, encoder.opsets.get('')!);
  builder.scope('embedding');
  const pixels = emitPreprocess(builder, EMBEDDING.image, size, preprocessing);
  graph.nodes.push(...builder.nodes.splice(0));
  const [embedding] = emitEmbeddings(graph, builder, encoder, 'encoder', pixels, [{ gramLayer }]);
  const { value, width } = embedding!;
  builder.scope('embedding');
  const squares = builder.reduce('ReduceSum', 'squares', builder.add('Mul', 'square', [value, value]), [0, 1], true);
  const length = builder.add('Max', 'length', [builder.add('Sqrt', 'root', [squares]), builder.floats([1], [LEAST])]);
  builder.add('Div', 'unit', [value, length], {}, EMBEDDING.embedding);
  graph.nodes.push(...builder.nodes);
  graph.outputs = [{ name: EMBEDDING.embedding, type: { dataType: 'float32', dims: [1, width] } }];
  return { irVersion: 8, producer: 'diptych', opsets: new Map(encoder.opsets), metadata: new Map(), graph };
}

/** Pixels of 8 bits, RGBA or RGB rows from the top, as [1, 3, height, width] in [-1, 1]; transparency is shown on white. */
export function signedPlanes({ width, height, data }: { width: number; height: number; data: ArrayLike<number> }): Float32Array {
  const count = width * height;
  const channels = data.length / count;
  const planes = new Float32Array(3 * count);
  for (let at = 0; at < count; at++) {
    const alpha = channels === 4 ? data[4 * at + 3]! / 255 : 1;
    for (let c = 0; c < 3; c++) planes[c * count + at] = (alpha * data[channels * at + c]! + (1 - alpha) * 255) / 127.5 - 1;
  }
  return planes;
}
