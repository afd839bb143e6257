import * as v from 'valibot';
import { DiptychError } from '../../../shared/errors.ts';
import type { Family } from './families.ts';
import { readConfig } from './read-config.ts';
import type { Part } from './read-part.ts';

const Size = v.pipe(v.number(), v.integer(), v.minValue(1));
const DenoiserConfig = v.looseObject({
  sample_size: v.optional(v.union([Size, v.tuple([Size, Size])])),
  in_channels: v.optional(Size),
  joint_attention_dim: v.optional(Size),
});
export type DenoiserConfig = v.InferOutput<typeof DenoiserConfig>;

/** `unet/config.json` or `transformer/config.json`; all its fields can be told otherwise, so it may be absent. */
export async function readDenoiserConfig(root: string, { folder }: Family): Promise<DenoiserConfig> {
  return (await readConfig(root, `${folder}/config.json`, DenoiserConfig)) ?? {};
}

/**
 * The size of the latent. Channels are the denoiser's own; height and width the caller's or `sample_size`.
 *
 * @throws DiptychError `graph_unsupported`, `pipeline_incomplete`
 */
export function latentSize(
  part: Part,
  { latent, folder }: Family,
  config: DenoiserConfig,
  given: { height?: number; width?: number },
): { channels: number; height: number; width: number } {
  const dims = part.model.graph.inputs.find(({ name }) => name === latent)?.type.dims;
  const channels = typeof dims?.[1] === 'number' ? dims[1] : config.in_channels;
  if (dims?.length !== 4 || channels === undefined) {
    throw new DiptychError(
      'graph_unsupported',
      `${part.file} has no input ${latent} [batch, channels, height, width] with a fixed number of channels`,
      { file: part.file },
    );
  }
  const [configHeight, configWidth] = Array.isArray(config.sample_size) ? config.sample_size : [config.sample_size, config.sample_size];
  const size = { height: given.height ?? configHeight, width: given.width ?? configWidth };
  if (size.height !== undefined && size.width !== undefined) return { channels, height: size.height, width: size.width };
  throw new DiptychError(
    'pipeline_incomplete',
    `${folder}/config.json has no sample_size; give the latent's size by --height and --width`,
    {
      field: 'sample_size',
    },
  );
}
