import {
  type BlobRef,
  type GraphEntry,
  type ImageEncoderEntry,
  type LoraEntry,
  type LoraKind,
  Manifest,
  type ModelEntry,
} from '../../../shared/manifest.ts';
import * as v from 'valibot';

let made = 0;
const blob = (bytes: number): BlobRef => ({ sha256: (++made).toString(16).padStart(64, '0'), bytes });
const graph = (): GraphEntry => ({ topology: blob(1000), weights: [{ path: 'weights', ...blob(1_000_000) }] });

function model(id: string): ModelEntry {
  return {
    id,
    name: `Model ${id}`,
    license: 'Apache-2.0',
    author: 'Diptych',
    latent: { channels: 6, height: 4, width: 4, scalingFactor: 0.4 },
    image: { height: 16, width: 16 },
    scheduler: v.parse(Manifest.entries.models.item.entries.scheduler, {}),
    text: { maxLength: 16, startId: 0, endId: 1, padId: 1, tokenizer: blob(500) },
    graphs: { textEncoder: graph(), denoiser: graph(), decoder: graph() },
    layers: { denoiser: [{ kind: 'linear', module: 'mid_block.attentions.0.to_q', in: 8, out: 8 }], textEncoder: [] },
    defaults: { steps: 12, guidanceScale: 3 },
  };
}

function lora(id: string, kind: LoraKind, trigger: string, of: ModelEntry, references?: LoraEntry['references']): LoraEntry {
  const file = blob(200_000);
  return { id, model: of.id, kind, name: id, trigger, license: 'CC0-1.0', author: 'Ada', rank: 4, layerCount: 1, file, references };
}

const preprocessing = { height: 8, width: 8, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } satisfies ImageEncoderEntry['preprocessing'];
const encoder = (): ImageEncoderEntry => ({ graph: graph(), preprocessing });

const small = model('small');
const main = { ...model('main'), guidance: { tinyDecoder: graph(), encoders: { dino: encoder(), clip: encoder() } } };

/**
 * Two models; `main` has two subjects and two styles, `small` only a style. `main` can be guided: pip and knit have references, zorp and riso none.
 * Whole by the schema.
 */
export const catalogue: Manifest = v.parse(Manifest, {
  version: 1,
  models: [small, main],
  loras: [
    lora('ink', 'style', 'in ink style', small),
    lora('pip', 'subject', 'a pip creature', main, { dino: [0.6, 0.8] }),
    lora('zorp', 'subject', 'a zorp creature', main),
    lora('knit', 'style', 'in knit style', main, { clip: [1, 0] }),
    lora('riso', 'style', 'in riso style', main),
  ],
});
