import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { embedPictures } from '../../../client/engine/embed-reference.ts';
import { graphBlobs } from '../../../client/engine/guidance-plan.ts';
import { openNodeRuntime } from '../../../client/engine/sessions/node.ts';
import { DiptychError } from '../../../shared/errors.ts';
import { ENCODER_OF, PICTURE_METRICS, REFERENCE_OF } from '../../../shared/guidance/settings.ts';
import type { ImageEncoderEntry, LoraEntry, LoraKind, ModelEntry } from '../../../shared/manifest.ts';
import { folderBlobs } from '../folder-blobs.ts';
import { readPng } from '../image/read-png.ts';
import type { Store } from '../store.ts';

type References = NonNullable<LoraEntry['references']>;
type PictureMetricName = (typeof PICTURE_METRICS)[number];

/** Enough digits for a cosine, and half the bytes in the catalogue. */
const DIGITS = 1e6;

/**
 * What guidance pulls a picture of a LoRA towards: the mean embedding of its reference pictures, by each metric of its kind that the model has.
 *
 * @param files PNG files
 * @throws DiptychError `usage` for a picture that cannot be read; `guidance_unavailable` where the model has no encoder for the kind
 */
export async function embedReferences(store: Store, model: ModelEntry, kind: LoraKind, files: readonly string[]): Promise<References> {
  const metrics = metricsOf(model, kind);
  const pictures = await Promise.all(files.map(readPng));
  const runtime = await openNodeRuntime('cpu');
  try {
    const references: References = {};
    for (const { name, encoder } of metrics) {
      const blobs = await folderBlobs(store).fetch(graphBlobs(encoder.graph));
      const embedding = await embedPictures(runtime, { name, encoder }, pictures, blobs);
      references[name] = Array.from(embedding, (value) => Math.round(value * DIGITS) / DIGITS);
    }
    return references;
  } finally {
    await runtime.close();
  }
}

const ReferencesFile = v.strictObject({
  dino: v.optional(v.array(v.pipe(v.number(), v.finite()))),
  clip: v.optional(v.array(v.pipe(v.number(), v.finite()))),
  gram: v.optional(v.array(v.pipe(v.number(), v.finite()))),
});

/**
 * Embeddings that were made elsewhere: JSON `{"dino": [...]}` of a subject, `{"clip": [...]}` of a style.
 *
 * @throws DiptychError `usage` naming file and field
 */
export async function readReferences(file: string, model: ModelEntry, kind: LoraKind): Promise<References> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new DiptychError('usage', `${file} cannot be read`, { file }, { cause });
  });
  const parsed = v.safeParse(ReferencesFile, parseJson(text, file));
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new DiptychError('usage', `${file}: ${v.getDotPath(issue) ?? 'it'}: ${issue.message}`, { file });
  }
  const known = new Set<string>(metricsOf(model, kind).map(({ name }) => name));
  for (const [name, embedding = []] of Object.entries(parsed.output)) {
    if (!known.has(name))
      throw new DiptychError(
        'usage',
        `${file}: ${name}: guidance does not read it of a ${kind} of ${model.id}; it reads ${[...known].join(', ')}`,
        { file, field: name },
      );
    if (!(Math.hypot(...(embedding ?? [])) > 0))
      throw new DiptychError('usage', `${file}: ${name}: an embedding has a length above 0`, { file, field: name });
  }
  return parsed.output;
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DiptychError('usage', `${file} is not JSON`, { file }, { cause });
  }
}

/** The metrics that compare with references of this kind, and can with this model. */
function metricsOf(model: ModelEntry, kind: LoraKind): { name: PictureMetricName; encoder: ImageEncoderEntry }[] {
  const metrics = PICTURE_METRICS.filter((name) => REFERENCE_OF[name] === kind).flatMap((name) => {
    const encoder = model.guidance?.encoders[ENCODER_OF[name]];
    return encoder && (name !== 'gram' || encoder.gramLayer !== undefined) ? [{ name, encoder }] : [];
  });
  if (metrics.length > 0) return metrics;
  const folder = kind === 'subject' ? 'image_encoder_dino/' : 'image_encoder_clip/';
  const reason = `${model.id} was prepared without an image encoder that sees a ${kind}; put one into ${folder} of its folder and prepare it again`;
  throw new DiptychError('guidance_unavailable', reason, { model: model.id });
}
