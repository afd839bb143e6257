/** A folder of golden numbers: a pipeline in the public ONNX layout, LoRAs, `golden.safetensors` and `golden.json`. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { DiptychError } from '../../../shared/errors.ts';
import { readSafetensors, type SafetensorsFile, toFloat32 } from '../../../shared/lora/safetensors.ts';
import { SchedulerConfig, TEXT_ENCODERS, type TextEncoderName } from '../../../shared/manifest.ts';
import { inputNames } from '../pipeline/fix-dims.ts';
import { readConfig, requireConfig } from '../pipeline/read-config.ts';
import { hasEncoder } from '../pipeline/read-encoders.ts';
import { readPart } from '../pipeline/read-part.ts';

const Pair = v.tuple([v.number(), v.number()]);
const GoldenJson = v.looseObject({
  kind: v.string(),
  guidance_scale: v.optional(v.number(), 3),
  steps: v.optional(v.number(), 6),
  'guidance.eta': v.optional(v.number(), 0.05),
  /** Of the single network calls `eps.*`. The Stable Diffusion goldens leave it out: theirs is 401. */
  timestep: v.optional(v.number(), 401),
  layers: v.record(v.string(), v.record(v.string(), v.object({ kl: Pair, gates: Pair }))),
});
type GoldenJson = v.InferOutput<typeof GoldenJson>;

export interface GoldenFolder {
  root: string;
  json: GoldenJson;
  tensors: SafetensorsFile;
  scheduler: SchedulerConfig;
  /** The text encoders that there are; the first is taken for granted. */
  encoders: readonly TextEncoderName[];
  /** The names of what the denoiser reads; none where the folder has no denoiser that can be read. */
  denoiserInputs: readonly string[];
  /** Scaling factor of `decoded`: from `vae_decoder/config.json`, or the family's where the folder has none. */
  scalingFactor: number;
  shiftFactor: number;
}

/** The scaling factor of every Stable Diffusion 1.x and 2.x autoencoder, which golden folders leave out. */
const SD_SCALING_FACTOR = 0.18215;

const VaeConfig = v.looseObject({ scaling_factor: v.number(), shift_factor: v.nullish(v.number()) });

export const DENOISER_FOLDERS: readonly string[] = ['unet', 'transformer'];

/** @throws DiptychError `pipeline_incomplete` naming the file that is missing or not of the form. */
export async function readGoldenFolder(root: string): Promise<GoldenFolder> {
  const json = await requireConfig(root, 'golden.json', GoldenJson);
  const scheduler = await requireConfig(root, 'scheduler/scheduler_config.json', SchedulerConfig);
  const file = path.join(root, 'golden.safetensors');
  const tensors = readSafetensors(await readRequired(file), file);
  const vae = await readConfig(root, 'vae_decoder/config.json', VaeConfig);
  const denoiserInputs = await readPart(root, DENOISER_FOLDERS).then(inputNames, () => []);
  const further = await Promise.all(TEXT_ENCODERS.slice(1).map(async (name) => ((await hasEncoder(root, name)) ? [name] : [])));
  const encoders: TextEncoderName[] = ['textEncoder', ...further.flat()];
  const scalingFactor = vae?.scaling_factor ?? SD_SCALING_FACTOR;
  return { root, json, tensors, scheduler, encoders, denoiserInputs, scalingFactor, shiftFactor: vae?.shift_factor ?? 0 };
}

/** One golden tensor as float32. */
export function goldenTensor(folder: GoldenFolder, name: string): { dims: number[]; data: Float32Array } {
  const found = folder.tensors.tensors.get(name);
  if (!found) throw new DiptychError('pipeline_incomplete', `${folder.root}/golden.safetensors has no tensor ${name}`, { name });
  return { dims: found.shape, data: toFloat32(found, name, 'golden.safetensors') };
}

/** The token ids of an encoder's two texts. The second encoder's are the first's where the folder does not tell them apart. */
export function goldenIds({ root, tensors: { tensors } }: GoldenFolder, encoder: TextEncoderName): number[] {
  const own = { textEncoder: 'input_ids', textEncoder2: 'input_ids_2', textEncoder3: 'input_ids_3' }[encoder];
  const found = tensors.get(own) ?? tensors.get('input_ids');
  if (!found) throw new DiptychError('pipeline_incomplete', `${root}/golden.safetensors has no tensor ${own}`, { name: own });
  const { buffer } = new Uint8Array(found.bytes);
  return Array.from(found.dtype === 'I32' ? new Int32Array(buffer) : new BigInt64Array(buffer), Number);
}

/** The LoRA file of a kind: `lora/KIND*.safetensors`, the full-precision one where there are several. */
export async function loraFile(folder: GoldenFolder, kind: 'subject' | 'style'): Promise<string> {
  const names = (await readdir(path.join(folder.root, 'lora')).catch(() => []))
    .filter((name) => name.startsWith(kind) && name.endsWith('.safetensors'))
    .toSorted();
  const found = names.find((name) => !/f(p|loat)?16/.test(name)) ?? names[0];
  if (found === undefined) throw new DiptychError('pipeline_incomplete', `${folder.root}/lora has no ${kind}*.safetensors`, { kind });
  return path.join(folder.root, 'lora', found);
}

export async function readRequired(file: string): Promise<Uint8Array> {
  return readFile(file).catch((cause: unknown) => {
    throw new DiptychError(
      'pipeline_incomplete',
      `${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      { file },
      { cause },
    );
  });
}
