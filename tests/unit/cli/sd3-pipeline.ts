import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { TINY_UNIGRAM } from '../text/tiny-unigram.ts';
import { copyOf, SD15, SD3, SDXL } from './fixture-folder.ts';

const write = async (folder: string, name: string, value: object) => {
  await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
  await writeFile(path.join(folder, name), JSON.stringify(value));
};

/**
 * The transformer of `sd3-tiny` as a whole pipeline folder: SDXL's second text encoder stands for both CLIPs (8 channels each, of the 24
 * that the transformer reads; 10 pooled each, of its 20).
 */
export async function sd3Pipeline(folder: string): Promise<string> {
  await copyOf(SD3, folder);
  await cp(path.join(SD15, 'vae_decoder'), path.join(folder, 'vae_decoder'), { recursive: true });
  for (const number of ['', '_2']) {
    await cp(path.join(SDXL, 'text_encoder_2'), path.join(folder, `text_encoder${number}`), { recursive: true });
    await cp(path.join(SDXL, `tokenizer${number}`), path.join(folder, `tokenizer${number}`), { recursive: true });
  }
  await write(folder, 'vae_decoder/config.json', { scaling_factor: 1.5305, shift_factor: 0.0609 });
  await write(folder, 'transformer/config.json', { sample_size: 16, joint_attention_dim: 24 });
  return folder;
}

/** With a third text encoder: SDXL's first (16 channels) and a tokenizer of T5's kind. */
export async function withThirdEncoder(folder: string): Promise<string> {
  await cp(path.join(SDXL, 'text_encoder'), path.join(folder, 'text_encoder_3'), { recursive: true });
  await write(folder, 'tokenizer_3/tokenizer.json', TINY_UNIGRAM);
  await write(folder, 'tokenizer_3/tokenizer_config.json', { model_max_length: 16, eos_token: '</s>', pad_token: '<pad>' });
  return folder;
}
