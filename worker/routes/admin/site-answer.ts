import type { EdgeContext } from '../../edge.ts';
import { siteChanged, type StoredSite } from '../../storage/site-admin.ts';

/** Of a site's revision. */
export const etagOf = ({ revision }: StoredSite): string => `"${revision}"`;

/** The site, with the ETag that If-Match takes. */
export function siteAnswer(c: EdgeContext, site: StoredSite, status: 200 | 201 = 200): Response {
  return c.json(site.record, status, { etag: etagOf(site) });
}

/**
 * If-Match (RFC 9110, section 13.1.1), by strong comparison; without it any revision will do.
 *
 * @throws `site_changed`
 */
export function refuseUnlessCurrent(c: EdgeContext, site: StoredSite): void {
  const condition = c.req.header('if-match');
  if (condition === undefined || condition.trim() === '*') return;
  if (!condition.split(',').some((tag) => tag.trim() === etagOf(site))) throw siteChanged(site.record.id);
}
