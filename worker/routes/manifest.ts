import type { EdgeContext } from '../edge.ts';
import { noneMatchHit } from '../entity-tag.ts';
import { enabledSite } from '../site-access.ts';
import type { Catalogues } from '../storage/catalogue.ts';

/** `GET /v1/manifest?site=`: what the site may use of the catalogue. */
export const manifest = (catalogues: Catalogues) =>
  async function manifest(c: EdgeContext): Promise<Response> {
    const { etag, json } = await catalogues.of(c.env, enabledSite(c));
    // Private: which catalogue is served depends on the site key and the origin.
    const headers = { etag, 'cache-control': 'private, max-age=30' };
    if (noneMatchHit(c.req.header('if-none-match'), etag)) return c.body(null, 304, headers);
    return c.body(json, 200, { ...headers, 'content-type': 'application/json' });
  };
