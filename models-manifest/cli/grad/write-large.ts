import { type FileHandle, mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DiptychError } from '../../../shared/errors.ts';
import type { Model, Tensor } from '../../../shared/onnx/ir.ts';
import { writeModel } from '../../../shared/onnx/write.ts';

/** A protobuf ends at 2 GiB; beyond half of that the weights go into a file of their own. */
const INLINE_LIMIT = 2 ** 30;

/** What runtimes that map the file want. */
const ALIGNMENT = 4096;

/**
 * Writes a model whose tensors are all here; one with more than `limit` bytes of weights gets `FILE.data` beside it. Files get their names when all
 * are written, and none is left where one fails.
 *
 * @returns the files
 * @throws DiptychError `usage` if they cannot be written there
 */
export async function writeLarge(file: string, model: Model, limit = INLINE_LIMIT): Promise<string[]> {
  const total = [...model.graph.initializers.values()].reduce((sum, tensor) => sum + inlineBytes(tensor).length, 0);
  const files = total > limit ? [`${file}.data`, file] : [file];
  const named: string[] = [];
  const draftOf = (name: string): string => `${name}.${process.pid}.part`;
  try {
    await mkdir(path.dirname(file), { recursive: true });
    const small = total > limit ? await writeWeights(model, `${file}.data`, draftOf(`${file}.data`)) : model;
    await writeFile(draftOf(file), writeModel(small));
    for (const name of files) {
      await rename(draftOf(name), name);
      named.push(name);
    }
  } catch (cause) {
    for (const name of [...files.map(draftOf), ...named]) await rm(name, { force: true }).catch(() => undefined);
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DiptychError('usage', `${file} cannot be written (${reason}); give another --out`, { file }, { cause });
  }
  return files.toReversed();
}

/** The model with its weights in `draft`, by the name that it will have. */
async function writeWeights(model: Model, name: string, draft: string): Promise<Model> {
  const initializers = new Map(model.graph.initializers);
  const handle = await open(draft, 'w');
  try {
    let offset = 0;
    for (const [key, tensor] of initializers) {
      const bytes = inlineBytes(tensor);
      // Shapes and the like stay: runtimes read them before they map weights.
      if (bytes.length < ALIGNMENT) continue;
      await writeAt(handle, bytes, offset);
      initializers.set(key, { ...tensor, data: { kind: 'external', location: path.basename(name), offset, length: bytes.length } });
      offset = Math.ceil((offset + bytes.length) / ALIGNMENT) * ALIGNMENT;
    }
  } finally {
    await handle.close();
  }
  return { ...model, graph: { ...model.graph, initializers } };
}

/** A write may stop before the end: of what is very large, or as the disk fills, which the next one reports. */
async function writeAt(handle: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, offset + done);
    done += bytesWritten;
  }
}

const NONE = new Uint8Array();
const inlineBytes = ({ data }: Tensor): Uint8Array => (data.kind === 'inline' ? data.bytes : NONE);
