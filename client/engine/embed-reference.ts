import { EMBEDDING, embeddingGraph, signedPlanes } from '../../shared/guidance/embedding-graph.ts';
import { readModel } from '../../shared/onnx/read.ts';
import type { PlannedMetric } from './guidance-plan.ts';
import { LoadedGraph } from './loaded-graph.ts';
import type { Runtime } from './sessions/runtime.ts';

/** The reference of a metric as a unit embedding: as the catalogue has it, or of the picture that stands in its place. */
export async function embedReference(
  runtime: Runtime,
  { name, encoder, reference }: PlannedMetric,
  blobs: ReadonlyMap<string, Uint8Array>,
): Promise<Float32Array> {
  if (!('data' in reference)) return Float32Array.from(reference);
  const model = readModel(blobs.get(encoder.graph.topology.sha256)!, `image encoder ${name}`);
  const weights = encoder.graph.weights.map(({ path, sha256 }) => ({ path, data: blobs.get(sha256)! }));
  const graph = await LoadedGraph.of(runtime, embeddingGraph(model, encoder.preprocessing, reference), weights, {
    name: `image encoder ${name}`,
    modules: [],
    form: { applies: true },
  });
  try {
    const image = runtime.upload(signedPlanes(reference), [1, 3, reference.height, reference.width]);
    const outputs = await graph.session.run({ [EMBEDDING.image]: image });
    const embedding = (await runtime.read(outputs[EMBEDDING.embedding]!)).slice();
    runtime.release(image);
    runtime.release(outputs[EMBEDDING.embedding]!);
    return embedding;
  } finally {
    await graph.close();
  }
}
