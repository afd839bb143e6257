import { cors } from 'hono/cors';
import { createMiddleware } from 'hono/factory';
import { DiptychError } from '../shared/errors.ts';
import { originAllowed } from '../shared/origins.ts';
import type { Edge, EdgeContext } from './edge.ts';
import type { Site, Sites } from './storage/sites.ts';

/** Looks up the site that `?site=` names, for the middleware and routes that follow. Refuses nothing yet. */
export const identifySite = (sites: Sites) =>
  createMiddleware<Edge>(async function identifySite(c, next) {
    const key = c.req.query('site');
    c.set('site', key === undefined ? undefined : await sites.find(c.env, key));
    await next();
  });

/** CORS for exactly the origins that the site allows. The answer depends on Origin, and says so to caches. */
export const siteCors = cors({
  origin: (origin, c: EdgeContext) => (c.var.site && originAllowed(origin, c.var.site.origins) ? origin : null),
  allowMethods: ['GET', 'HEAD', 'POST'],
  allowHeaders: ['Content-Type', 'If-None-Match', 'If-Range', 'Range'],
  exposeHeaders: ['Accept-Ranges', 'Content-Length', 'Content-Range', 'ETag', 'Retry-After', 'X-Request-Id'],
  maxAge: 600,
});

/**
 * Lets a request pass when it names an enabled site and comes from one of its origins or the edge's own (where the studio page lives).
 * `required`: it must say where it comes from, as browsers do on every POST.
 *
 * This keeps other sites' pages out, not scripts, which can send any Origin.
 */
export const siteAccess = (origin: 'required' | 'optional') =>
  createMiddleware<Edge>(async function siteAccess(c, next) {
    const site = enabledSite(c);
    const from = c.req.header('origin');
    if (from === undefined ? origin === 'required' : !isSitesOrigin(c, from, site)) throw originRefused(site, from ?? 'no origin');
    await next();
  });

/** @throws `site_key_missing`, `site_unknown`, `site_disabled` */
export function enabledSite(c: EdgeContext): Site {
  const key = c.req.query('site');
  if (!key) throw new DiptychError('site_key_missing', `${c.req.path} needs the site key: ?site=pk_...`);
  const { site } = c.var;
  if (!site)
    throw new DiptychError(
      'site_unknown',
      `No site has the key ${key.slice(0, 80)}, or the key was replaced. Copy the site’s key from the operator of this edge.`,
    );
  if (site.disabled)
    throw new DiptychError('site_disabled', `Site ${site.id} is disabled. Ask the operator of this edge.`, { site: site.id });
  return site;
}

/** Whether pages of `origin` act for `site`: its own pages, and the studio page on the edge's origin, which only they may frame. */
export function isSitesOrigin(c: EdgeContext, origin: string, site: Site): boolean {
  return origin === new URL(c.req.url).origin || originAllowed(origin, site.origins);
}

export function originRefused(site: Site, origin: string): DiptychError {
  return new DiptychError('origin_not_allowed', `Site ${site.id} does not allow ${origin}. Add it to the site’s allowed origins.`, {
    site: site.id,
    origin,
  });
}
