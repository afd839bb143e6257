import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { PrepareOptions } from '../../../models-manifest/cli/pipeline/prepare-model.ts';
import { TINY_TEXT, TINY_TOKENIZER } from '../engine/tiny-tokenizer.ts';
import { copyOf, SD15 } from './fixture-folder.ts';

const START = '<|startoftext|>';
const END = '<|endoftext|>';

/** What the fixture pipeline lacks to be prepared; its numbers need none of it. */
const MISSING: Record<string, object> = {
  'tokenizer/tokenizer.json': TINY_TOKENIZER,
  'tokenizer/tokenizer_config.json': { model_max_length: TINY_TEXT.maxLength, bos_token: START, eos_token: END },
  'unet/config.json': { sample_size: 16 },
  'vae_decoder/config.json': { scaling_factor: 0.18215 },
};

/** The fixture pipeline `sd15-tiny` as a whole pipeline folder. */
export async function tinyPipeline(folder: string): Promise<string> {
  await copyOf(SD15, folder);
  for (const [name, value] of Object.entries(MISSING)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), JSON.stringify(value));
  }
  return folder;
}

export const TINY_OPTIONS: PrepareOptions = {
  id: 'tiny',
  name: 'Tiny',
  license: 'CC0-1.0',
  author: 'Diptych',
  weights: 'float32',
  shardBytes: 2 ** 20,
  steps: 2,
  guidanceScale: 3,
};
