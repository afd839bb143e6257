import { readFile } from 'node:fs/promises';
import type { Model } from '../../../shared/onnx/ir.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { readModel } from '../../../shared/onnx/read.ts';

/** A network of this repository with fixed dims, by its path from the root. */
async function readNetwork(folder: string, dims: Record<string, number[]>): Promise<Model> {
  const bytes = await readFile(new URL(`../../../${folder}/model.onnx`, import.meta.url));
  return normalise(readModel(new Uint8Array(bytes), folder), dims);
}

export const clipOfFixture = (): Promise<Model> =>
  readNetwork('tests/fixtures/sd15-tiny/image_encoder_clip', { pixel_values: [1, 3, 32, 32] });
export const dinoOfFixture = (): Promise<Model> =>
  readNetwork('tests/fixtures/sd15-tiny/image_encoder_dino', { pixel_values: [1, 3, 32, 32] });
export const clipOfDemo = (): Promise<Model> => readNetwork('models-manifest/demo/image_encoder_clip', { pixel_values: [1, 3, 64, 64] });
export const tinyDecoder = (): Promise<Model> => readNetwork('tests/fixtures/sd15-tiny/tiny_decoder', { latent_sample: [1, 4, 16, 16] });
