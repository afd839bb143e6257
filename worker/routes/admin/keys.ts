import { DiptychError } from '../../../shared/errors.ts';
import { KeyRotation, type RotatedKey } from '../../../shared/site-settings.ts';
import type { Clock } from '../../clock.ts';
import type { EdgeContext } from '../../edge.ts';
import { binding } from '../../env.ts';
import { readJson } from '../../request-body.ts';
import { changeSite, type SiteDecision, type StoredSite } from '../../storage/site-admin.ts';
import { adminAct } from './admin-act.ts';
import { newSiteKey } from './new-names.ts';
import { etagOf, refuseUnlessCurrent, siteAnswer } from './site-answer.ts';

const MAX_BODY_BYTES = 1024;

/** `POST /v1/sites/:id/keys`: a new key at once, beside which those so far are accepted for `overlap` seconds. */
export const rotateKey = (now: Clock) =>
  async function rotateKey(c: EdgeContext): Promise<Response> {
    const { overlap } = await readJson(c.req.raw, KeyRotation, MAX_BODY_BYTES);
    const act = adminAct(c, now());
    const newKey = newSiteKey();
    const at = act.at + overlap * 1000;
    const decide = (site: StoredSite): SiteDecision => {
      refuseUnlessCurrent(c, site);
      const replaced = site.record.keys.map(({ key }) => key);
      return { action: 'key.rotate', details: { key: newKey, overlap, replaced }, expire: { at }, newKey };
    };
    const site = await changeSite(binding(c.env, 'DB'), c.req.param('id')!, act, decide);
    const rotated: RotatedKey = { key: newKey, site: site.record };
    return c.json(rotated, 201, { etag: etagOf(site) });
  };

/** `DELETE /v1/sites/:id/keys/:key`: it is unknown from now on. */
export const revokeKey = (now: Clock) =>
  async function revokeKey(c: EdgeContext): Promise<Response> {
    const key = c.req.param('key')!;
    const act = adminAct(c, now());
    const decide = (site: StoredSite): SiteDecision => {
      refuseUnlessCurrent(c, site);
      if (!site.record.keys.some((known) => known.key === key)) throw keyNotFound(site.record.id, key.slice(0, 80));
      return { action: 'key.revoke', details: { key }, expire: { at: act.at, key } };
    };
    return siteAnswer(c, await changeSite(binding(c.env, 'DB'), c.req.param('id')!, act, decide));
  };

function keyNotFound(site: string, key: string): DiptychError {
  return new DiptychError(
    'site_key_not_found',
    `Site ${site} has no key ${key} that is accepted now. GET /v1/sites/${site} tells its keys.`,
    {
      site,
      key,
    },
  );
}
