import { DiptychError } from '../../shared/errors.ts';
import { byteRange } from '../byte-range.ts';
import type { Clock } from '../clock.ts';
import type { EdgeContext } from '../edge.ts';
import { noneMatchHit } from '../entity-tag.ts';
import type { KeyRings } from '../key-ring.ts';
import { problem } from '../problem.ts';
import { verifyAddress } from '../signing.ts';
import { enabledSite, isSitesOrigin } from '../site-access.ts';
import { findBlob } from '../storage/blobs.ts';

/** `GET, HEAD /v1/weights/:sha256?site=&exp=&kid=&sig=`: a file of the store, whole or one range of it. */
export const weights = (keyRings: KeyRings, now: Clock) =>
  async function weights(c: EdgeContext): Promise<Response> {
    const sha256 = c.req.param('sha256')!;
    const url = new URL(c.req.url);
    await authorise(c, sha256, url.searchParams, keyRings, now);
    const etag = `"${sha256}"`;
    const headers: Record<string, string> = {
      etag,
      'accept-ranges': 'bytes',
      // The name is the hash of the content. Private: the address carries a signature, and must not outlive it in a shared cache.
      'cache-control': 'private, max-age=31536000, immutable',
      'cross-origin-resource-policy': 'cross-origin',
    };
    const blob = await findBlob(c.env, caches.default, `${url.origin}/v1/weights/${sha256}`, sha256);
    if (noneMatchHit(c.req.header('if-none-match'), etag)) return new Response(null, { status: 304, headers });
    headers['content-type'] = 'application/octet-stream';
    if (c.req.method === 'HEAD') return new Response(null, { headers: { ...headers, 'content-length': String(blob.bytes) } });
    const range = requestedRange(c, etag, blob.bytes);
    if (range === 'unsatisfiable') return unsatisfiable(c, sha256, blob.bytes);
    if (range) {
      headers['content-range'] = `bytes ${range.start}-${range.end}/${blob.bytes}`;
      headers['content-length'] = String(range.end - range.start + 1);
      return new Response(await blob.open(range), { status: 206, headers });
    }
    c.executionCtx.waitUntil(blob.keep());
    return new Response(await blob.open(), { headers: { ...headers, 'content-length': String(blob.bytes) } });
  };

/** @throws a `signature_...` code, or that of a site that is disabled or gone */
async function authorise(c: EdgeContext, sha256: string, query: URLSearchParams, keyRings: KeyRings, now: Clock): Promise<void> {
  const grant = await verifyAddress(sha256, query, await keyRings.of(c.env), Math.floor(now() / 1000));
  const site = enabledSite(c);
  const origin = c.req.header('origin');
  if (origin !== undefined && !isSitesOrigin(c, origin, site)) {
    throw new DiptychError('signature_other_site', `The address was signed for ${grant.site}, to which ${origin} does not belong.`, {
      site: grant.site,
      origin,
    });
  }
}

/** If-Range with another ETag, or with a date, asks for the whole file (RFC 9110, section 13.1.5: strong comparison). */
function requestedRange(c: EdgeContext, etag: string, size: number): ReturnType<typeof byteRange> {
  const condition = c.req.header('if-range');
  return condition === undefined || condition === etag ? byteRange(c.req.header('range'), size) : undefined;
}

function unsatisfiable(c: EdgeContext, sha256: string, size: number): Response {
  const error = new DiptychError('range_not_satisfiable', `The file has ${size} bytes; the range starts after its end.`, { sha256, size });
  return problem(c, error, { 'content-range': `bytes */${size}`, 'cross-origin-resource-policy': 'cross-origin' });
}
