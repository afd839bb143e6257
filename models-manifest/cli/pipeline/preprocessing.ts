import * as v from 'valibot';
import { DiptychError } from '../../../shared/errors.ts';
import type { Preprocessing } from '../../../shared/guidance/preprocess.ts';
import { readConfig } from './read-config.ts';

export type EncoderName = 'dino' | 'clip';

/** Mean and deviation of ImageNet, and of CLIP's training pictures: what the public encoders of these kinds expect. */
export const PIXELS: Readonly<Record<EncoderName, { mean: readonly number[]; std: readonly number[] }>> = {
  dino: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  clip: { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] },
};

const side = v.pipe(v.number(), v.integer(), v.minValue(8), v.maxValue(1024));
const Size = v.union([
  v.pipe(
    side,
    v.transform((value) => ({ height: value, width: value })),
  ),
  v.object({ height: side, width: side }),
  v.pipe(
    v.object({ shortest_edge: side }),
    v.transform(({ shortest_edge: value }) => ({ height: value, width: value })),
  ),
]);
const rgb = v.pipe(v.array(v.number()), v.length(3));

/** The fields of the public image processors (CLIP, ViT, BiT, DINOv2) that decide what an encoder is fed. */
const PreprocessorConfig = v.looseObject({
  size: v.optional(Size),
  crop_size: v.optional(Size),
  do_center_crop: v.optional(v.boolean()),
  image_mean: v.optional(rgb),
  image_std: v.optional(rgb),
  do_normalize: v.optional(v.boolean()),
  do_rescale: v.optional(v.boolean()),
  rescale_factor: v.optional(v.pipe(v.number(), v.minValue(1e-6))),
});

/**
 * What an image encoder wants of pixels: as `ROOT/FOLDER/preprocessor_config.json` says, else the size of its input and its kind's mean and deviation.
 * Pictures are resized to the size that would be cropped to: the cut would take away from a square picture what a visitor looks at.
 *
 * @param declared the dims of its input
 * @throws DiptychError `pipeline_incomplete` naming file and field
 */
export async function preprocessingOf(
  root: string,
  folder: string,
  kind: EncoderName,
  declared: readonly (number | string)[],
): Promise<Preprocessing> {
  const file = `${folder}/preprocessor_config.json`;
  const config = (await readConfig(root, file, PreprocessorConfig)) ?? {};
  const size = (config.do_center_crop === false ? undefined : config.crop_size) ?? config.size ?? declaredSize(declared);
  if (!size) {
    const reason = `${file} has no size, and the encoder takes pictures of any; write the size it was trained on: {"size": 224}`;
    throw new DiptychError('pipeline_incomplete', `${root}: ${reason}`, { file, field: 'size' });
  }
  const plain = config.do_normalize === false;
  const mean = plain ? [0, 0, 0] : (config.image_mean ?? PIXELS[kind].mean);
  const std = plain ? [1, 1, 1] : (config.image_std ?? PIXELS[kind].std);
  // What is rescaled to other than [0, 1] is the same as scaling mean and deviation.
  const scale = config.do_rescale === false ? 255 : 255 * (config.rescale_factor ?? 1 / 255);
  return { ...size, mean: mean.map((value) => value / scale), std: std.map((value) => value / scale) };
}

function declaredSize([, , height, width]: readonly (number | string)[]): { height: number; width: number } | undefined {
  return typeof height === 'number' && typeof width === 'number' ? { height, width } : undefined;
}
