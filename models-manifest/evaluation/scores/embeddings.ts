/** Cosines of pictures with what the LoRAs were to bring, by the demo's own encoders: guidance pulls by them, so they flatter guided pictures. */
import { embedEach } from '../../../client/engine/embed-reference.ts';
import { graphBlobs } from '../../../client/engine/guidance-plan.ts';
import type { Runtime } from '../../../client/engine/sessions/runtime.ts';
import type { BlobSource } from '../../../client/engine/weights/blob-source.ts';
import { DiptychError } from '../../../shared/errors.ts';
import { ENCODER_OF, type MetricName, REFERENCE_OF } from '../../../shared/guidance/settings.ts';
import type { ModelEntry } from '../../../shared/manifest.ts';
import type { RgbaImage } from '../../../shared/protocol.ts';
import type { Pair } from '../study.ts';
import { cosine } from './cosine.ts';

/** To the subject's references through DINO; to the style's through CLIP, and by the Gram matrix of an early layer of CLIP. */
const RESEMBLANCES = ['dino', 'clip', 'gram'] as const satisfies readonly MetricName[];
export type Resemblance = Readonly<Record<(typeof RESEMBLANCES)[number], number>>;

/** @throws DiptychError `guidance_unavailable` where the model has no such encoder, or a LoRA no such reference */
export async function resemblances(
  { runtime, blobs, model }: { runtime: Runtime; blobs: BlobSource; model: ModelEntry },
  pair: Pair,
  pictures: readonly RgbaImage[],
): Promise<Resemblance[]> {
  const byName: Record<string, number[]> = {};
  for (const name of RESEMBLANCES) {
    const encoder = model.guidance?.encoders[ENCODER_OF[name]];
    const lora = pair[REFERENCE_OF[name]];
    const reference = lora.references?.[name];
    if (!encoder || !reference) {
      const reason = `${encoder ? lora.id : model.id} has no ${encoder ? 'references' : 'encoder'} for ${name}, which the evaluation scores by`;
      throw new DiptychError('guidance_unavailable', reason, { model: model.id, lora: lora.id });
    }
    const embeddings = await embedEach(runtime, { name, encoder }, pictures, await blobs.fetch(graphBlobs(encoder.graph)));
    byName[name] = embeddings.map((embedding) => cosine(embedding, reference));
  }
  return pictures.map((_, i) => ({ dino: byName['dino']![i]!, clip: byName['clip']![i]!, gram: byName['gram']![i]! }));
}
