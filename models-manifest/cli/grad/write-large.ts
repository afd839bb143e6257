import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Model, Tensor } from '../../../shared/onnx/ir.ts';
import { writeModel } from '../../../shared/onnx/write.ts';
import { writeWhole } from '../store.ts';

/** A protobuf ends at 2 GiB; beyond half of that the weights go into a file of their own. */
const INLINE_LIMIT = 2 ** 30;

/** What runtimes that map the file want. */
const ALIGNMENT = 4096;

/**
 * Writes a model whose tensors are all here; one with much weight gets `FILE.data` beside it. Either both files are whole or none is there.
 *
 * @returns the files
 */
export async function writeLarge(file: string, model: Model, limit = INLINE_LIMIT): Promise<string[]> {
  const bytesOf = ({ data }: Tensor) => (data.kind === 'inline' ? data.bytes.length : 0);
  const total = [...model.graph.initializers.values()].reduce((sum, tensor) => sum + bytesOf(tensor), 0);
  if (total <= limit) {
    await writeWhole(file, writeModel(model));
    return [file];
  }
  const beside = `${file}.data`;
  const draft = `${beside}.${process.pid}.part`;
  const handle = await open(draft, 'w');
  const initializers = new Map<string, Tensor>();
  let offset = 0;
  try {
    for (const [name, tensor] of model.graph.initializers) {
      // Shapes and the like stay: runtimes read them before they map weights.
      if (tensor.data.kind === 'external' || tensor.data.bytes.length < ALIGNMENT) {
        initializers.set(name, tensor);
        continue;
      }
      const { bytes } = tensor.data;
      await handle.write(bytes, 0, bytes.length, offset);
      initializers.set(name, { ...tensor, data: { kind: 'external', location: path.basename(beside), offset, length: bytes.length } });
      offset = Math.ceil((offset + bytes.length) / ALIGNMENT) * ALIGNMENT;
    }
    await handle.close();
  } catch (thrown) {
    await handle.close();
    await rm(draft, { force: true });
    throw thrown;
  }
  await rename(draft, beside);
  await writeWhole(file, writeModel({ ...model, graph: { ...model.graph, initializers } }));
  return [file, beside];
}
