import * as v from 'valibot';
import { DiptychError } from '../../shared/errors.ts';
import { type BlobRef, Manifest, manifestBlobs } from '../../shared/manifest.ts';
import { binding, type Env } from '../env.ts';

export const CATALOGUE_KEY = 'catalogue/manifest.json';

export interface Catalogue {
  /** Quoted, as the ETag header wants it. */
  etag: string;
  /** The manifest as it was published. */
  json: string;
  /** Everything that it leads to, by SHA-256. */
  blobs: Map<string, BlobRef>;
}

/** The published catalogue. It is asked for by its ETag each time, and read and validated only when it has changed. */
export class Catalogues {
  #kept: Catalogue | undefined;

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
    return this.#kept;
  }
}

function readCatalogue(etag: string, json: string): Catalogue {
  const result = v.safeParse(Manifest, parseJson(json));
  if (!result.success) {
    const [issue] = result.issues;
    throw invalid(`${v.getDotPath(issue) ?? 'it'}: ${issue.message}`);
  }
  const refs = manifestBlobs(result.output);
  return { etag, json, blobs: new Map(refs.map(({ sha256, bytes }) => [sha256, { sha256, bytes }])) };
}

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
