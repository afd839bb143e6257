import { findSites } from '../../../shared/fusion/sites.ts';
import { gramLayerOf } from '../../../shared/guidance/gram-layer.ts';
import { readSafetensors, toFloat32 } from '../../../shared/lora/safetensors.ts';
import type { BlobRef, GraphEntry, ImageEncoderEntry, LayerEntry, LoraEntry, LoraKind, ModelEntry } from '../../../shared/manifest.ts';
import { SchedulerConfig } from '../../../shared/manifest.ts';
import { externalise } from '../../../shared/onnx/externalise.ts';
import { floatTimestep } from '../../../shared/onnx/float-timestep.ts';
import type { Model } from '../../../shared/onnx/ir.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { readModel } from '../../../shared/onnx/read.ts';
import { ShardWriter } from '../../../shared/onnx/shard-writer.ts';
import { writeModel } from '../../../shared/onnx/write.ts';
import * as v from 'valibot';
import { TINY_TEXT, TINY_TOKENIZER } from './tiny-tokenizer.ts';

/** What the tiny pipeline's files are kept by; returns how the catalogue names them. */
export type AddBlob = (bytes: Uint8Array) => BlobRef | Promise<BlobRef>;

export interface TinyCatalogue {
  model: ModelEntry;
  subject: LoraEntry;
  style: LoraEntry;
}

const META = { license: 'CC0-1.0', author: 'Diptych' };
/** Small, so that each graph has several shards. */
const SHARD_BYTES = 256 * 1024;

/** The fixture pipeline `sd15-tiny` as `diptych prepare` would lay it out: normalised, float timestep, weights in shards. */
export async function tinyCatalogue(readFixture: (path: string) => Promise<Uint8Array>, add: AddBlob): Promise<TinyCatalogue> {
  const read = async (part: string, dims: Record<string, number[]>) =>
    normalise(readModel(await readFixture(`${part}/model.onnx`), part), dims);
  const textEncoder = await read('text_encoder', { input_ids: [2, TINY_TEXT.maxLength] });
  const denoiser = floatTimestep(
    await read('unet', { sample: [2, 4, 16, 16], timestep: [1], encoder_hidden_states: [2, TINY_TEXT.maxLength, 32] }),
  );
  const decoder = await read('vae_decoder', { latent_sample: [1, 4, 16, 16] });
  const imageEncoder = async (name: 'dino' | 'clip'): Promise<ImageEncoderEntry> => {
    const encoder = await read(`image_encoder_${name}`, { pixel_values: [1, 3, 32, 32] });
    return {
      graph: await graphEntry(encoder, add),
      preprocessing: { height: 32, width: 32, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
      ...(name === 'clip' ? { gramLayer: gramLayerOf(encoder)! } : {}),
    };
  };
  const { tensors } = readSafetensors(await readFixture('golden.safetensors'), 'golden.safetensors');
  const reference = (name: 'dino' | 'clip') => {
    const key = `guidance.reference.${name}`;
    return [...toFloat32(tensors.get(key)!, key, 'golden.safetensors')];
  };
  const [height, width] = decoder.graph.outputs[0]!.type.dims!.slice(2) as [number, number];
  const model: ModelEntry = {
    ...META,
    id: 'sd15-tiny',
    name: 'Tiny test model',
    latent: { channels: 4, height: 16, width: 16, scalingFactor: 0.18215 },
    image: { height, width },
    scheduler: v.parse(SchedulerConfig, JSON.parse(new TextDecoder().decode(await readFixture('scheduler/scheduler_config.json')))),
    text: { ...TINY_TEXT, tokenizer: await add(new TextEncoder().encode(JSON.stringify(TINY_TOKENIZER))) },
    graphs: {
      textEncoder: await graphEntry(textEncoder, add),
      denoiser: await graphEntry(denoiser, add),
      decoder: await graphEntry(decoder, add),
    },
    layers: { denoiser: layersOf(denoiser), textEncoder: layersOf(textEncoder) },
    defaults: { steps: 4, guidanceScale: 3 },
    guidance: {
      tinyDecoder: await graphEntry(await read('tiny_decoder', { latent_sample: [1, 4, 16, 16] }), add),
      encoders: { dino: await imageEncoder('dino'), clip: await imageEncoder('clip') },
    },
  };
  const lora = async (kind: LoraKind, file: string): Promise<LoraEntry> => ({
    ...META,
    id: `tiny-${kind}`,
    model: model.id,
    kind,
    name: `Tiny ${kind}`,
    trigger: kind,
    rank: 4,
    layerCount: 1,
    file: await add(await readFixture(`lora/${file}`)),
    references: { dino: reference('dino'), clip: reference('clip') },
  });
  return { model, subject: await lora('subject', 'subject.kohya.safetensors'), style: await lora('style', 'style.peft.safetensors') };
}

const layersOf = (model: Model): LayerEntry[] => findSites(model.graph).map((site) => site.layer);

const nothingElsewhere = () => Promise.reject(new Error('the fixture has no external files'));

export async function graphEntry(model: Model, add: AddBlob): Promise<GraphEntry> {
  const shards = new ShardWriter(SHARD_BYTES, async ({ bytes }) => void (await add(bytes)));
  const { model: topology, weights } = await externalise(model, shards, nothingElsewhere);
  return { topology: await add(writeModel(topology)), weights };
}
