import { env } from 'cloudflare:workers';
import type { BlobRef, Manifest } from '../../shared/manifest.ts';
import { blobKey } from '../../worker/storage/blobs.ts';
import { CATALOGUE_KEY } from '../../worker/storage/catalogue.ts';

/** A site in the database, whose key is its id as well unless one is given; each test file has a database of its own. */
export async function insertSite(key: string, origins: readonly string[], disabled = 0, id = key): Promise<void> {
  const site = env.DB.prepare('INSERT INTO sites (id, name, origins, disabled) VALUES (?1, ?2, ?3, ?4)');
  const siteKey = env.DB.prepare('INSERT INTO site_keys (key, site) VALUES (?1, ?2)');
  await env.DB.batch([site.bind(id, `Site ${id}`, JSON.stringify(origins), disabled), siteKey.bind(key, id)]);
}

export async function insertBlob(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  await env.WEIGHTS.put(blobKey(sha256), bytes);
  return sha256;
}

/** A hash that is easy to tell apart: the digit, 64 times. */
export const hashOf = (digit: string): string => digit.repeat(64);

/** One model with one LoRA. Its files: `1` tokenizer, `2`-`4` topologies, `5` a shard, `6` the LoRA. */
export const MANIFEST: Manifest = {
  version: 1,
  models: [
    {
      id: 'tiny',
      name: 'Tiny',
      license: 'Apache-2.0',
      author: 'tests',
      latent: { channels: 4, height: 8, width: 8, scalingFactor: 1 },
      image: { height: 64, width: 64 },
      scheduler: {
        num_train_timesteps: 1000,
        beta_start: 0.00085,
        beta_end: 0.012,
        beta_schedule: 'scaled_linear',
        prediction_type: 'epsilon',
        timestep_spacing: 'leading',
        steps_offset: 1,
        set_alpha_to_one: false,
        rescale_betas_zero_snr: false,
      },
      text: { maxLength: 8, startId: 0, endId: 1, padId: 1, tokenizer: { sha256: hashOf('1'), bytes: 11 } },
      graphs: {
        textEncoder: { topology: { sha256: hashOf('2'), bytes: 12 }, weights: [] },
        denoiser: { topology: { sha256: hashOf('3'), bytes: 13 }, weights: [{ path: 'weights.0', sha256: hashOf('5'), bytes: 15 }] },
        decoder: { topology: { sha256: hashOf('4'), bytes: 14 }, weights: [] },
      },
      layers: { denoiser: [{ kind: 'linear', module: 'mid.to_q', in: 4, out: 4 }], textEncoder: [] },
      defaults: { steps: 4, guidanceScale: 1 },
    },
  ],
  loras: [
    {
      id: 'pip',
      model: 'tiny',
      kind: 'subject',
      name: 'Pip',
      trigger: 'a pip creature',
      license: 'Apache-2.0',
      author: 'tests',
      rank: 2,
      layerCount: 1,
      file: { sha256: hashOf('6'), bytes: 16 },
    },
  ],
};

export async function publish(manifest: unknown = MANIFEST): Promise<void> {
  await env.WEIGHTS.put(CATALOGUE_KEY, JSON.stringify(manifest));
}

/** A catalogue whose model has these shards. */
export async function publishShards(shards: readonly BlobRef[]): Promise<void> {
  const [model] = MANIFEST.models;
  const { graphs } = model!;
  const weights = shards.map((ref, index) => ({ ...ref, path: `weights.${index}` }));
  await publish({ ...MANIFEST, models: [{ ...model!, graphs: { ...graphs, denoiser: { ...graphs.denoiser, weights } } }] });
}
