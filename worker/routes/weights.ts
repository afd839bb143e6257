import { DiptychError } from '../../shared/errors.ts';
import { type ByteRange, parseByteRange } from '../byte-range.ts';
import type { Clock } from '../clock.ts';
import type { EdgeContext } from '../edge.ts';
import { noneMatchHit } from '../entity-tag.ts';
import type { KeyRings } from '../key-ring.ts';
import { problem } from '../problem.ts';
import { verifyAddress } from '../signing.ts';
import { enabledSite, isSitesOrigin } from '../site-access.ts';
import { contentRange, StoredBlob } from '../storage/blobs.ts';
import type { CacheFiller } from '../storage/cache-filler.ts';

/** `GET, HEAD /v1/weights/:sha256?site=&exp=&kid=&sig=`: a file of the store, whole or one range of it. */
export const weights = (keyRings: KeyRings, filler: CacheFiller, now: Clock) =>
  async function weights(c: EdgeContext): Promise<Response> {
    const sha256 = c.req.param('sha256')!;
    const url = new URL(c.req.url);
    await authorise(c, sha256, url.searchParams, keyRings, now);
    const etag = `"${sha256}"`;
    const headers = fileHeaders(c, etag);
    const blob = new StoredBlob(c.env, caches.default, `${url.origin}/v1/weights/${sha256}`, sha256);
    const condition = c.req.header('if-none-match');
    if (c.req.method === 'GET' && !noneMatchHit(condition, etag)) return sendFile(c, blob, requestedRange(c, etag), headers, filler);
    const size = await blob.size();
    if (noneMatchHit(condition, etag)) return new Response(null, { status: 304, headers });
    return new Response(null, { headers: { ...headers, 'content-type': FILE_TYPE, 'content-length': String(size) } });
  };

const FILE_TYPE = 'application/octet-stream';

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

/** What says the same of the whole file, of a part, of none of it and of a part that is not there. */
function fileHeaders(c: EdgeContext, etag: string): Record<string, string> {
  const origin = c.req.header('origin');
  return {
    etag,
    'accept-ranges': 'bytes',
    // The name is the hash of the content. Private: the address carries a signature, and must not outlive it in a shared cache.
    'cache-control': 'private, max-age=31536000, immutable',
    'cross-origin-resource-policy': 'cross-origin',
    // The page that asks may measure how it was answered; it is the site's own, or it would have been refused. Another page, which loads the file
    // without CORS, learns nothing of its size or of whether the visitor has it. The studio is of the edge's origin and needs no leave.
    ...(origin !== undefined && { 'timing-allow-origin': origin }),
  };
}

/** If-Range with another ETag, or with a date, asks for the whole file (RFC 9110, section 13.1.5: strong comparison). */
function requestedRange(c: EdgeContext, etag: string): ByteRange | undefined {
  const condition = c.req.header('if-range');
  return condition === undefined || condition === etag ? parseByteRange(c.req.header('range')) : undefined;
}

async function sendFile(
  c: EdgeContext,
  blob: StoredBlob,
  range: ByteRange | undefined,
  headers: Record<string, string>,
  filler: CacheFiller,
): Promise<Response> {
  try {
    const { size, body, span, cached } = await blob.open(range);
    const type = { ...headers, 'content-type': FILE_TYPE };
    if (span) {
      const length = String(span.end - span.start + 1);
      return new Response(body, { status: 206, headers: { ...type, 'content-range': contentRange(span, size), 'content-length': length } });
    }
    if (!cached) c.executionCtx.waitUntil(filler.keep(c.env, blob, c.var.requestId));
    return new Response(body, { headers: { ...type, 'content-length': String(size) } });
  } catch (thrown) {
    if (!(thrown instanceof DiptychError) || thrown.code !== 'range_not_satisfiable') throw thrown;
    const { 'cache-control': _, ...same } = headers;
    return problem(c, thrown, { ...same, 'content-range': `bytes */${thrown.details['size']}` });
  }
}
