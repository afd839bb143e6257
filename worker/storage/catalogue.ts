import * as v from 'valibot';
import { DiptychError } from '../../shared/errors.ts';
import { type BlobRef, Manifest, manifestBlobs } from '../../shared/manifest.ts';
import { binding, type Env } from '../env.ts';
import type { Site } from './sites.ts';

export const CATALOGUE_KEY = 'catalogue/manifest.json';

export interface Catalogue {
  /** Quoted, as the ETag header wants it. */
  etag: string;
  /** The manifest as it was published, or the part of it that a site may use. */
  json: string;
  manifest: Manifest;
  /** Everything that it leads to, by SHA-256. */
  blobs: Map<string, BlobRef>;
}

type AllowLists = Pick<Site, 'models' | 'loras'>;

/** A part for each combination of lists that sites have. */
const MAX_PARTS = 100;

/** The published catalogue. It is asked for by its ETag each time, and read and validated only when it has changed. */
export class Catalogues {
  #kept: Catalogue | undefined;
  readonly #parts = new Map<string, Catalogue>();

  /** @throws `catalogue_missing`, `manifest_invalid`, `edge_not_ready` */
  async current(env: Env): Promise<Catalogue> {
    const kept = this.#kept;
    const options = kept ? { onlyIf: { etagDoesNotMatch: kept.etag.slice(1, -1) } } : {};
    const object: R2Object | R2ObjectBody | null = await binding(env, 'WEIGHTS').get(CATALOGUE_KEY, options);
    if (!object) {
      throw new DiptychError('catalogue_missing', `The store has no ${CATALOGUE_KEY}. Publish one: npx diptych publish.`);
    }
    if (!('body' in object)) return kept!;
    this.#kept = readCatalogue(object.httpEtag, await object.text());
    this.#parts.clear();
    return this.#kept;
  }

  /**
   * What the site's allow-lists leave of it. A LoRA needs its model to be allowed too.
   *
   * @throws as `current`
   */
  async of(env: Env, lists: AllowLists): Promise<Catalogue> {
    const whole = await this.current(env);
    if (!lists.models && !lists.loras) return whole;
    // The whole's ETag too: of two requests at once one may still hold the catalogue before.
    const name = JSON.stringify([whole.etag, lists.models, lists.loras]);
    const part = this.#parts.get(name) ?? (await allowedPart(whole, lists));
    if (this.#parts.size >= MAX_PARTS) this.#parts.clear();
    this.#parts.set(name, part);
    return part;
  }
}

async function allowedPart({ manifest, etag }: Catalogue, { models, loras }: AllowLists): Promise<Catalogue> {
  const part: Manifest = {
    ...manifest,
    models: manifest.models.filter(({ id }) => models?.includes(id) ?? true),
    loras: manifest.loras.filter(({ id, model }) => (loras?.includes(id) ?? true) && (models?.includes(model) ?? true)),
  };
  const json = JSON.stringify(part);
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(etag + json)));
  const hex = Array.from(digest.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return { etag: `"${hex}"`, json, manifest: part, blobs: blobsOf(part) };
}

function readCatalogue(etag: string, json: string): Catalogue {
  const parsed = parseJson(json);
  const result = v.safeParse(Manifest, parsed);
  if (!result.success) {
    const [issue] = result.issues;
    throw invalid(`${v.getDotPath(issue) ?? 'it'}: ${issue.message}`);
  }
  // As it was published, not as it was validated, which would fill in defaults and leave out what a later version adds.
  return { etag, json, manifest: parsed as Manifest, blobs: blobsOf(result.output) };
}

const blobsOf = (manifest: Manifest): Map<string, BlobRef> =>
  new Map(manifestBlobs(manifest).map(({ sha256, bytes }) => [sha256, { sha256, bytes }]));

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw invalid('it is not JSON');
  }
}

function invalid(reason: string): DiptychError {
  return new DiptychError('manifest_invalid', `${CATALOGUE_KEY} is not a catalogue: ${reason}. Publish it again: npx diptych publish.`);
}
