import { DiptychError } from '../errors.ts';
import { type ReadExternal, tensorBytes } from './external.ts';
import type { Model, Tensor } from './ir.ts';
import type { Place, ShardWriter } from './shard-writer.ts';

/** Smaller tensors stay in the topology: constants that the runtime needs while it plans. */
const INLINE_BYTES = 1024;

/** A shard as the topology names it (`path`, its SHA-256 again) and as the store keeps it. */
export interface WeightFile {
  path: string;
  sha256: string;
  bytes: number;
}

/**
 * The model with its weights moved into `shards`, and the shards that it refers to, those written for earlier models included.
 * Tensors are read and let go one by one, so the weights need not fit into memory.
 *
 * @param read reads tensors that are external already, relative to where the model was
 * @throws onnx_malformed where an external file is too short; cancelled
 */
export async function externalise(
  model: Model,
  shards: ShardWriter,
  read: ReadExternal,
  signal?: AbortSignal,
): Promise<{ model: Model; weights: WeightFile[] }> {
  const places = new Map<string, Place>();
  const small = new Map<string, Tensor>();
  for (const [name, tensor] of model.graph.initializers) {
    if (signal?.aborted) throw new DiptychError('cancelled', `moving the weights of ${model.graph.name} was cancelled`);
    const bytes = await tensorBytes(name, tensor, read);
    if (bytes.length > INLINE_BYTES) places.set(name, await shards.put(unshared(bytes)));
    else small.set(name, { ...tensor, data: { kind: 'inline', bytes } });
  }
  await shards.flush();
  const initializers = new Map(
    Array.from(model.graph.initializers, ([name, tensor]) => {
      const place = places.get(name);
      return [name, place ? { ...tensor, data: { kind: 'external' as const, ...place } } : small.get(name)!];
    }),
  );
  const files = new Set(Array.from(places.values(), ({ location }) => location));
  const weights = Array.from(files, (sha256) => ({ path: sha256, sha256, bytes: shards.written.get(sha256)! }));
  return { model: { ...model, graph: { ...model.graph, initializers } }, weights };
}

/** Web Crypto refuses views of shared memory. */
function unshared(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : bytes.slice();
}
