import { open, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { DiptychError } from '../../../shared/errors.ts';
import type { ReadExternal } from '../../../shared/onnx/external.ts';
import type { Model } from '../../../shared/onnx/ir.ts';
import { readModel } from '../../../shared/onnx/read.ts';

/** One network of a pipeline folder, and the reader of the weight files beside it. */
export interface Part {
  model: Model;
  /** The ONNX file, for messages. */
  file: string;
  readExternal: ReadExternal;
}

/**
 * Reads `ROOT/FOLDER/model.onnx`, of the first of `folders` that has one.
 *
 * @throws DiptychError `pipeline_incomplete` if none has, `onnx_malformed`
 */
export async function readPart(root: string, folders: readonly string[]): Promise<Part> {
  for (const folder of folders) {
    const file = path.join(root, folder, 'model.onnx');
    const bytes = await readFile(file).catch(() => undefined);
    if (bytes) return network(bytes, file);
  }
  const wanted = folders.map((folder) => `${folder}/model.onnx`).join(' or ');
  throw new DiptychError('pipeline_incomplete', `${root} has no ${wanted}; export the pipeline in the layout of public ONNX exports`, {
    root,
    wanted,
  });
}

/**
 * Reads one ONNX file.
 *
 * @throws DiptychError `usage` if it cannot be read, `onnx_malformed`
 */
export async function readNetwork(file: string): Promise<Part> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new DiptychError('usage', `${file} cannot be read; give an ONNX file`, { file }, { cause });
  });
  return network(bytes, file);
}

const network = (bytes: Uint8Array, file: string): Part => ({
  model: readModel(bytes, file),
  file,
  readExternal: externalReader(path.dirname(file)),
});

/** `readModel` lets no location out of the model's own folder. */
function externalReader(folder: string): ReadExternal {
  return async (location, offset, length) => {
    const file = path.resolve(folder, location);
    const { size } = await stat(file).catch((cause: unknown) => {
      throw new DiptychError('pipeline_incomplete', `${file} is missing; the model keeps its weights there`, { file }, { cause });
    });
    const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
    const handle = await open(file);
    try {
      await handle.read(bytes, 0, bytes.length, offset);
    } finally {
      await handle.close();
    }
    return bytes;
  };
}
