import * as v from 'valibot';
import { SchedulerConfig, type TextEncoderName } from '../../../shared/manifest.ts';
import { type Family, familyOf } from './families.ts';
import { inputNames } from './fix-dims.ts';
import { type DenoiserConfig, readDenoiserConfig } from './latent-size.ts';
import { readConfig, requireConfig } from './read-config.ts';
import { readEncoders, type TextEncoderPart } from './read-encoders.ts';
import { type Part, readPart } from './read-part.ts';

const VaeConfig = v.looseObject({ scaling_factor: v.number(), shift_factor: v.nullish(v.number()) });
const PipelineConfig = v.looseObject({ force_zeros_for_empty_prompt: v.optional(v.boolean()) });

/** A pipeline folder as it is: every file that preparing needs, and the family that its denoiser tells. */
export interface Pipeline {
  family: Family;
  denoiser: Part;
  config: DenoiserConfig;
  encoders: ReadonlyMap<TextEncoderName, TextEncoderPart>;
  decoder: Part;
  vae: v.InferOutput<typeof VaeConfig>;
  scheduler: SchedulerConfig;
  zeroWithoutNegative: boolean;
}

/** @throws DiptychError `pipeline_incomplete` naming file and field, `graph_unsupported` for an unknown family, `onnx_malformed` */
export async function readPipeline(root: string): Promise<Pipeline> {
  const denoiser = await readPart(root, ['unet', 'transformer']);
  const family = familyOf(inputNames(denoiser), denoiser.file);
  const index = await readConfig(root, 'model_index.json', PipelineConfig);
  return {
    family,
    denoiser,
    config: await readDenoiserConfig(root, family),
    encoders: await readEncoders(root, family),
    decoder: await readPart(root, ['vae_decoder']),
    vae: await requireConfig(root, 'vae_decoder/config.json', VaeConfig, 'it holds scaling_factor'),
    scheduler: await requireConfig(root, 'scheduler/scheduler_config.json', SchedulerConfig, 'it says how to sample'),
    zeroWithoutNegative: index?.force_zeros_for_empty_prompt ?? family.zeroWithoutNegative,
  };
}
