/** A folder of golden numbers: a pipeline in the public ONNX layout, LoRAs, `golden.safetensors` and `golden.json`. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { DiptychError } from '../../../shared/errors.ts';
import { readSafetensors, type SafetensorsFile, toFloat32 } from '../../../shared/lora/safetensors.ts';
import { SchedulerConfig } from '../../../shared/manifest.ts';
import { readConfig, requireConfig } from '../pipeline/read-config.ts';

const Pair = v.tuple([v.number(), v.number()]);
const GoldenJson = v.looseObject({
  kind: v.string(),
  guidance_scale: v.optional(v.number(), 3),
  steps: v.optional(v.number(), 6),
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
  /** Scaling factor of `decoded`: from `vae_decoder/config.json`, or the family's where the folder has none. */
  scalingFactor: number;
}

/** The scaling factor of every Stable Diffusion 1.x and 2.x autoencoder, which golden folders leave out. */
const SD_SCALING_FACTOR = 0.18215;

/** @throws DiptychError `pipeline_incomplete` naming the file that is missing or not of the form. */
export async function readGoldenFolder(root: string): Promise<GoldenFolder> {
  const json = await requireConfig(root, 'golden.json', GoldenJson);
  const scheduler = await requireConfig(root, 'scheduler/scheduler_config.json', SchedulerConfig);
  const file = path.join(root, 'golden.safetensors');
  const tensors = readSafetensors(await readRequired(file), file);
  const vae = await readConfig(root, 'vae_decoder/config.json', v.looseObject({ scaling_factor: v.number() }));
  return { root, json, tensors, scheduler, scalingFactor: vae?.scaling_factor ?? SD_SCALING_FACTOR };
}

/** One golden tensor as float32. */
export function goldenTensor(folder: GoldenFolder, name: string): { dims: number[]; data: Float32Array } {
  const found = folder.tensors.tensors.get(name);
  if (!found) throw new DiptychError('pipeline_incomplete', `${folder.root}/golden.safetensors has no tensor ${name}`, { name });
  return { dims: found.shape, data: toFloat32(found, name, 'golden.safetensors') };
}

/** The LoRA file of a kind: `lora/KIND*.safetensors`, the full-precision one where there are several. */
export async function loraFile(folder: GoldenFolder, kind: 'subject' | 'style'): Promise<string> {
  const names = (await readdir(path.join(folder.root, 'lora')).catch(() => []))
    .filter((name) => name.startsWith(kind) && name.endsWith('.safetensors'))
    .toSorted();
  const found = names.find((name) => !name.includes('fp16')) ?? names[0];
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
