import { DiptychError } from '../../shared/errors.ts';
import { EMBEDDING, embeddingGraph, signedPlanes } from '../../shared/guidance/embedding-graph.ts';
import type { MetricName } from '../../shared/guidance/settings.ts';
import type { ImageEncoderEntry, TextTowerEntry } from '../../shared/manifest.ts';
import { readModel } from '../../shared/onnx/read.ts';
import type { RgbaImage } from '../../shared/protocol.ts';
import { makeTokenizer } from '../../shared/text/tokenizer.ts';
import { LoadedGraph } from './loaded-graph.ts';
import type { Runtime } from './sessions/runtime.ts';

/** What a picture is embedded for: a metric that sees pictures, and its encoder. */
export interface PictureMetric {
  name: MetricName;
  encoder: ImageEncoderEntry;
}

/** A LoadedGraph that no LoRA changes. */
const AS_IT_IS = { modules: [], form: { applies: true } } as const;

/**
 * The reference that pictures make together: the mean of their embeddings of length 1, of length 1 again. The `references` of a LoRA are made so.
 *
 * @param blobs the encoder's files
 * @throws DiptychError `graph_unsupported` where the metric is `gram` and the encoder has no `gramLayer`; `request_invalid` where there is no picture
 */
export async function embedPictures(
  runtime: Runtime,
  metric: PictureMetric,
  pictures: readonly RgbaImage[],
  blobs: ReadonlyMap<string, Uint8Array>,
): Promise<Float32Array> {
  if (pictures.length === 0) throw new DiptychError('request_invalid', `${metric.name}: a reference is made of one picture or more`);
  const sums: number[] = [];
  for (const alike of Map.groupBy(pictures, ({ width, height }) => `${width} x ${height}`).values()) {
    for (const embedding of await embedEach(runtime, metric, alike, blobs))
      for (const [k, part] of embedding.entries()) sums[k] = (sums[k] ?? 0) + part;
  }
  const length = Math.max(Math.hypot(...sums), Number.MIN_VALUE);
  return Float32Array.from(sums, (sum) => sum / length);
}

/** The embedding of each picture, all of one size, one by one through one session: [width] of length 1. */
export async function embedEach(
  runtime: Runtime,
  { name, encoder }: PictureMetric,
  pictures: readonly RgbaImage[],
  blobs: ReadonlyMap<string, Uint8Array>,
): Promise<Float32Array[]> {
  const { width, height } = pictures[0]!;
  const gramLayer = name === 'gram' ? (encoder.gramLayer ?? refuseWithoutLayer()) : undefined;
  const model = readModel(blobs.get(encoder.graph.topology.sha256)!, `image encoder ${name}`);
  const weights = encoder.graph.weights.map(({ path, sha256 }) => ({ path, data: blobs.get(sha256)! }));
  const source = embeddingGraph(model, encoder.preprocessing, { width, height }, gramLayer);
  const graph = await LoadedGraph.of(runtime, source, weights, { name: `image encoder ${name}`, ...AS_IT_IS });
  try {
    const embeddings: Float32Array[] = [];
    for (const picture of pictures) {
      const image = runtime.upload(signedPlanes(picture), [1, 3, height, width]);
      const { [EMBEDDING.embedding]: embedding } = await graph.session.run({ [EMBEDDING.image]: image });
      embeddings.push((await runtime.read(embedding!)).slice());
      runtime.release(image);
      runtime.release(embedding!);
    }
    return embeddings;
  } finally {
    await graph.close();
  }
}

function refuseWithoutLayer(): never {
  throw new DiptychError('graph_unsupported', 'the image encoder clip has no gramLayer in the catalogue; prepare the model again', {
    field: 'gramLayer',
  });
}

/** A prompt as CLIP's own text tower sees it, of any length. */
export async function embedPrompt(
  runtime: Runtime,
  { graph: entry, text }: TextTowerEntry,
  prompt: string,
  blobs: ReadonlyMap<string, Uint8Array>,
): Promise<Float32Array> {
  const tokenizer = makeTokenizer(new TextDecoder().decode(blobs.get(text.tokenizer.sha256)), text);
  const { ids } = tokenizer.encode(prompt);
  const graph = await LoadedGraph.load(runtime, entry, blobs, { name: 'CLIP text tower', ...AS_IT_IS });
  try {
    const input = graph.inputs[0]!;
    const dims = [1, ids.length];
    const tokens =
      input.type.dataType === 'int64' ? runtime.host(BigInt64Array.from(ids, BigInt), dims) : runtime.host(Int32Array.from(ids), dims);
    const outputs = await graph.session.run({ [input.name]: tokens });
    const embedding = (await runtime.read(outputs[graph.outputs[0]!.name]!)).slice();
    for (const tensor of Object.values(outputs)) runtime.release(tensor);
    return embedding;
  } finally {
    await graph.close();
  }
}
