import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { embedPictures } from '../../../client/engine/embed-reference.ts';
import { graphBlobs } from '../../../client/engine/guidance-plan.ts';
import { openNodeRuntime } from '../../../client/engine/sessions/node.ts';
import { DiptychError } from '../../../shared/errors.ts';
import { gramFeature } from '../../../shared/guidance/gram-layer.ts';
import { gramWidth } from '../../../shared/guidance/gram.ts';
import { ENCODER_OF, PICTURE_METRICS, REFERENCE_OF } from '../../../shared/guidance/settings.ts';
import type { ImageEncoderEntry, LoraEntry, LoraKind, ModelEntry } from '../../../shared/manifest.ts';
import { readModel } from '../../../shared/onnx/read.ts';
import { folderBlobs } from '../folder-blobs.ts';
import { readPng } from '../image/read-png.ts';
import type { Store } from '../store.ts';

type References = NonNullable<LoraEntry['references']>;

interface PictureMetric {
  name: (typeof PICTURE_METRICS)[number];
  encoder: ImageEncoderEntry;
}

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
export async function readReferences(store: Store, model: ModelEntry, kind: LoraKind, file: string): Promise<References> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new DiptychError('usage', `${file} cannot be read`, { file }, { cause });
  });
  const parsed = v.safeParse(ReferencesFile, parseJson(text, file));
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new DiptychError('usage', `${file}: ${v.getDotPath(issue) ?? 'it'}: ${issue.message}`, { file });
  }
  const metrics = new Map<string, PictureMetric>(metricsOf(model, kind).map((metric) => [metric.name, metric]));
  for (const [name, embedding = []] of Object.entries(parsed.output)) {
    const metric = metrics.get(name);
    const refuse = (reason: string) => new DiptychError('usage', `${file}: ${name}: ${reason}`, { file, field: name });
    if (!metric) throw refuse(`guidance does not read it of a ${kind} of ${model.id}; it reads ${[...metrics.keys()].join(', ')}`);
    const width = await widthOf(store, metric);
    if (embedding.length !== width) throw refuse(`has ${embedding.length} numbers, and the encoder of ${model.id} makes ${width}`);
    if (Math.hypot(...embedding) === 0) throw refuse('an embedding has a length above 0');
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
function metricsOf(model: ModelEntry, kind: LoraKind): PictureMetric[] {
  const metrics = PICTURE_METRICS.filter((name) => REFERENCE_OF[name] === kind).flatMap((name) => {
    const encoder = model.guidance?.encoders[ENCODER_OF[name]];
    return encoder && (name !== 'gram' || encoder.gramLayer !== undefined) ? [{ name, encoder }] : [];
  });
  if (metrics.length > 0) return metrics;
  const folder = kind === 'subject' ? 'image_encoder_dino/' : 'image_encoder_clip/';
  const reason = `${model.id} was prepared without an image encoder that sees a ${kind}; put one into ${folder} of its folder and prepare it again`;
  throw new DiptychError('guidance_unavailable', reason, { model: model.id });
}

/** Numbers in an embedding by a metric. */
async function widthOf(store: Store, { name, encoder }: PictureMetric): Promise<number> {
  const { topology } = encoder.graph;
  const model = readModel(await readFile(store.blobPath(topology.sha256)), `image encoder ${name}`);
  return name === 'gram' ? gramWidth(gramFeature(model, encoder.gramLayer!)) : (model.graph.outputs[0]!.type.dims!.at(-1) as number);
}
