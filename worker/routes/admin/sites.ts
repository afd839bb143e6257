import { DiptychError } from '../../../shared/errors.ts';
import { NewSite, SiteChange, SiteId, type SitePage, type SiteRecord, type SiteSettings } from '../../../shared/site-settings.ts';
import type { Clock } from '../../clock.ts';
import type { EdgeContext } from '../../edge.ts';
import { binding } from '../../env.ts';
import { readJson } from '../../request-body.ts';
import type { Catalogues } from '../../storage/catalogue.ts';
import { changeSite, createSite, listSites, readSite, type SiteDecision, type StoredSite } from '../../storage/site-admin.ts';
import { adminAct } from './admin-act.ts';
import { newSiteId, newSiteKey } from './new-names.ts';
import { pageQuery } from './page-query.ts';
import { refuseUnlessCurrent, siteAnswer } from './site-answer.ts';

const MAX_BODY_BYTES = 64 * 1024;

/** `GET /v1/sites`: a page of them, in the order of their ids. */
export const getSites = (now: Clock) =>
  async function getSites(c: EdgeContext): Promise<Response> {
    const { limit, cursor = '' } = pageQuery(c, SiteId);
    const sites = await listSites(binding(c.env, 'DB'), now(), cursor, limit + 1);
    const page: SitePage = { sites: sites.slice(0, limit), cursor: sites.length > limit ? sites[limit - 1]!.id : null };
    return c.json(page);
  };

/** `POST /v1/sites`: a new one, with its first key. */
export const postSite = (catalogues: Catalogues, now: Clock) =>
  async function postSite(c: EdgeContext): Promise<Response> {
    const { id = newSiteId(), ...settings } = await readJson(c.req.raw, NewSite, MAX_BODY_BYTES);
    await refuseUnknownIds(c, catalogues, settings);
    const site = await createSite(binding(c.env, 'DB'), id, settings, newSiteKey(), adminAct(c, now()));
    c.header('location', `/v1/sites/${id}`);
    return siteAnswer(c, site, 201);
  };

/** `GET /v1/sites/:id` */
export const getSite = (now: Clock) =>
  async function getSite(c: EdgeContext): Promise<Response> {
    return siteAnswer(c, await readSite(binding(c.env, 'DB'), c.req.param('id')!, now()));
  };

/** `PATCH /v1/sites/:id`: changes what the body names. With If-Match only where the site is still as it was read. */
export const patchSite = (catalogues: Catalogues, now: Clock) =>
  async function patchSite(c: EdgeContext): Promise<Response> {
    const change = (await readJson(c.req.raw, SiteChange, MAX_BODY_BYTES)) as Partial<SiteSettings>;
    await refuseUnknownIds(c, catalogues, change);
    const decide = (site: StoredSite): SiteDecision => {
      refuseUnlessCurrent(c, site);
      return { action: 'site.change', details: differences(site.record, change), settings: change };
    };
    return siteAnswer(c, await changeSite(binding(c.env, 'DB'), c.req.param('id')!, adminAct(c, now()), decide));
  };

/** Each setting that becomes another one, as it was and as it is to be. */
function differences(before: SiteRecord, change: Partial<SiteSettings>): Record<string, { from: unknown; to: unknown }> {
  const names = Object.keys(change) as (keyof SiteSettings)[];
  const changed = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(change[name]));
  return Object.fromEntries(changed.map((name) => [name, { from: before[name], to: change[name] }]));
}

/** An allow-list with a name that is none would silently hide what it was meant to show. */
async function refuseUnknownIds(c: EdgeContext, catalogues: Catalogues, { models, loras }: Partial<SiteSettings>): Promise<void> {
  const lists = Object.entries({ models, loras }).filter((entry): entry is ['models' | 'loras', string[]] => (entry[1]?.length ?? 0) > 0);
  if (lists.length === 0) return;
  const { manifest } = await catalogues.current(c.env);
  for (const [field, ids] of lists) {
    const known = manifest[field].map(({ id }) => id);
    const unknown = ids.filter((id) => !known.includes(id));
    if (unknown.length === 0) continue;
    const has = known.length > 0 ? known.join(', ').slice(0, 400) : 'none';
    throw new DiptychError('not_in_catalogue', `${field}: the catalogue has no ${unknown.join(', ').slice(0, 400)}; it has ${has}.`, {
      field,
      unknown,
    });
  }
}
