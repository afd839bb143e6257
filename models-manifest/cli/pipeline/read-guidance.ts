import { access } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import type { Preprocessing } from '../../../shared/guidance/preprocess.ts';
import { inputNames } from './fix-dims.ts';
import { type EncoderName, preprocessingOf } from './preprocessing.ts';
import { readConfig } from './read-config.ts';
import { type Part, readPart } from './read-part.ts';
import { type PipelineText, readText } from './read-text.ts';

/** The folders of each part, the first one there is read. */
const FOLDERS = {
  tinyDecoder: ['tiny_decoder', 'taesd_decoder'],
  dino: ['image_encoder_dino'],
  clip: ['image_encoder_clip', 'image_encoder'],
  clipText: ['text_encoder_clip'],
} as const;

export interface ImageEncoderPart extends Part {
  preprocessing: Preprocessing;
}

/** What a pipeline folder has for metric guidance, as it is. */
export interface GuidanceParts {
  /** `signed`: its pictures are in [-1, 1], as those of diffusers' AutoencoderTiny; else in [0, 1], as the published tiny decoders'. */
  tinyDecoder?: Part & { signed: boolean };
  encoders: ReadonlyMap<EncoderName, ImageEncoderPart>;
  /** CLIP's own text tower, with the tokenizer in its folder, else the pipeline's. */
  clipText?: Part & PipelineText;
}

/**
 * Reads the parts that guidance needs; `undefined` where the folder has no image encoder.
 *
 * @throws DiptychError `pipeline_incomplete` naming file and field, `onnx_malformed`
 */
export async function readGuidance(root: string): Promise<GuidanceParts | undefined> {
  const encoders = new Map<EncoderName, ImageEncoderPart>();
  for (const name of ['dino', 'clip'] as const) {
    const folder = await firstThere(root, FOLDERS[name]);
    if (folder === undefined) continue;
    const part = await readPart(root, [folder]);
    const declared = part.model.graph.inputs.find((input) => input.name === inputNames(part)[0])?.type.dims ?? [];
    encoders.set(name, { ...part, preprocessing: await preprocessingOf(root, folder, name, declared) });
  }
  if (encoders.size === 0) return undefined;
  const tiny = await firstThere(root, FOLDERS.tinyDecoder);
  const tower = await firstThere(root, FOLDERS.clipText);
  return {
    encoders,
    ...(tiny === undefined ? {} : { tinyDecoder: { ...(await readPart(root, [tiny])), signed: await isSigned(root, tiny) } }),
    ...(tower === undefined ? {} : { clipText: { ...(await readPart(root, [tower])), ...(await towerText(root, tower)) } }),
  };
}

async function isSigned(root: string, folder: string): Promise<boolean> {
  const config = await readConfig(root, `${folder}/config.json`, v.looseObject({ _class_name: v.optional(v.string()) }));
  return config?._class_name === 'AutoencoderTiny';
}

async function towerText(root: string, folder: string): Promise<PipelineText> {
  const own = await firstThere(root, [`${folder}/tokenizer.json`, `${folder}/tokenizer_config.json`]);
  return readText(root, own === undefined ? 'tokenizer' : folder);
}

async function firstThere(root: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    const there = await access(path.join(root, name)).then(
      () => true,
      () => false,
    );
    if (there) return name;
  }
  return undefined;
}
