/** The ONNX files of tests/fixtures. */
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Model } from '../../../shared/onnx/ir.ts';
import { readModel } from '../../../shared/onnx/read.ts';

const ROOT = fileURLToPath(new URL('../../fixtures/', import.meta.url));

/** Paths below tests/fixtures, such as `sd15-tiny/unet`. */
export const FIXTURE_MODELS = globSync('*/*/model.onnx', { cwd: ROOT })
  .map((path) => path.replace('/model.onnx', ''))
  .toSorted();

export function fixtureBytes(name: string): Uint8Array {
  return new Uint8Array(readFileSync(`${ROOT}${name}/model.onnx`));
}

export function fixtureModel(name: string): Model {
  return readModel(fixtureBytes(name), `${name}/model.onnx`);
}
