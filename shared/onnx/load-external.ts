import { type ReadExternal, tensorBytes } from './external.ts';
import type { Model, Tensor } from './ir.ts';

/** The model with its external tensors of at most `maxBytes` bytes inline: folding needs the values of what it computes with. */
export async function loadExternal(model: Model, read: ReadExternal, maxBytes = Infinity): Promise<Model> {
  const initializers = new Map<string, Tensor>();
  for (const [name, tensor] of model.graph.initializers) {
    const stays = tensor.data.kind === 'inline' || tensor.data.length > maxBytes;
    initializers.set(name, stays ? tensor : { ...tensor, data: { kind: 'inline', bytes: await tensorBytes(name, tensor, read) } });
  }
  return { ...model, graph: { ...model.graph, initializers } };
}
