/** Changes to files of a copied folder, through their own readers and writers. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { readSafetensors, type SafeTensor } from '../../../shared/lora/safetensors.ts';
import type { Model } from '../../../shared/onnx/ir.ts';
import { readModel } from '../../../shared/onnx/read.ts';
import { writeModel } from '../../../shared/onnx/write.ts';

export async function editJson<T>(file: string, edit: (value: T) => void): Promise<void> {
  const value = JSON.parse(await readFile(file, 'utf8')) as T;
  edit(value);
  await writeFile(file, JSON.stringify(value));
}

/** `edit` gets the tensors over the file's own bytes, and changes those. */
export async function editTensors(file: string, edit: (tensors: ReadonlyMap<string, SafeTensor>) => void): Promise<void> {
  const bytes = new Uint8Array(await readFile(file));
  edit(readSafetensors(bytes, file).tensors);
  await writeFile(file, bytes);
}

/** Rewrites `ROOT/PART/model.onnx`. */
export async function editModel(root: string, part: string, edit: (model: Model) => Model): Promise<void> {
  const file = path.join(root, part, 'model.onnx');
  await writeFile(file, writeModel(edit(readModel(new Uint8Array(await readFile(file)), file))));
}
