import * as v from 'valibot';
import { DiptychError } from '../../shared/errors.ts';
import { type BlobRef, Sha256 } from '../../shared/manifest.ts';
import type { SignedBlob } from '../../shared/protocol.ts';
import type { Clock } from '../clock.ts';
import type { EdgeContext } from '../edge.ts';
import type { KeyRings } from '../key-ring.ts';
import { spendQuota } from '../limits/daily-quota.ts';
import { readJson } from '../request-body.ts';
import { presignedUrl, presigning } from '../presign.ts';
import { signedPath } from '../signing.ts';
import { enabledSite } from '../site-access.ts';
import { blobKey } from '../storage/blobs.ts';
import type { Catalogue, Catalogues } from '../storage/catalogue.ts';

/** Long enough for a shard on a slow line; the engine asks again when an address has expired. */
const LIFETIME_SECONDS = 3600;

export const MAX_HASHES = 512;
const Body = v.strictObject({ hashes: v.pipe(v.array(Sha256), v.minLength(1), v.maxLength(MAX_HASHES)) });
const MAX_BODY_BYTES = 64 * 1024;

export interface DownloadsAnswer {
  /** When the addresses expire, in seconds since 1970. */
  expires: number;
  downloads: SignedBlob[];
}

/** `POST /v1/downloads?site=`: a signed address for each file that the body names, of those that the site may use. Counts their bytes against its day. */
export const downloads = (catalogues: Catalogues, keyRings: KeyRings, now: Clock) =>
  async function downloads(c: EdgeContext): Promise<Response> {
    const { hashes } = await readJson(c.req.raw, Body, MAX_BODY_BYTES);
    const site = enabledSite(c);
    const refs = inCatalogue([...new Set(hashes)], await catalogues.of(c.env, site));
    const ring = await keyRings.of(c.env);
    const presign = presigning(c.env);
    const bytes = refs.reduce((sum, ref) => sum + ref.bytes, 0);
    await spendQuota(c.env, site, 'bytes', bytes, now());
    const { origin } = new URL(c.req.url);
    const expires = Math.floor(now() / 1000) + LIFETIME_SECONDS;
    const sign = async (ref: BlobRef): Promise<SignedBlob> => {
      if (presign) return { ...ref, url: await presignedUrl(presign, blobKey(ref.sha256), now(), LIFETIME_SECONDS) };
      const path = await signedPath({ sha256: ref.sha256, site: site.key, exp: expires }, ring);
      return { ...ref, url: origin + path };
    };
    const answer: DownloadsAnswer = { expires, downloads: await Promise.all(refs.map(sign)) };
    return c.json(answer, 200, { 'cache-control': 'no-store' });
  };

function inCatalogue(hashes: string[], { blobs }: Catalogue): BlobRef[] {
  const unknown = hashes.filter((hash) => !blobs.has(hash));
  if (unknown.length > 0) {
    throw new DiptychError('not_in_catalogue', `This site’s catalogue names no file ${unknown[0]}. Read GET /v1/manifest again.`, {
      sha256: unknown,
    });
  }
  return hashes.map((hash) => blobs.get(hash)!);
}
