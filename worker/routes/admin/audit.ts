import type { AuditPage } from '../../../shared/site-settings.ts';
import type { Clock } from '../../clock.ts';
import type { EdgeContext } from '../../edge.ts';
import { binding } from '../../env.ts';
import { readAudit } from '../../storage/audit.ts';
import { readSite } from '../../storage/site-admin.ts';
import { NumberCursor, pageQuery } from './page-query.ts';

/** `GET /v1/audit`: what was done to any site, the newest first. */
export async function getAudit(c: EdgeContext): Promise<Response> {
  return auditPage(c, {});
}

/** `GET /v1/sites/:id/audit` */
export const getSiteAudit = (now: Clock) =>
  async function getSiteAudit(c: EdgeContext): Promise<Response> {
    const { record } = await readSite(binding(c.env, 'DB'), c.req.param('id')!, now());
    return auditPage(c, { site: record.id });
  };

async function auditPage(c: EdgeContext, of: { site?: string }): Promise<Response> {
  const { limit, cursor } = pageQuery(c, NumberCursor);
  const before = cursor === undefined ? {} : { before: cursor };
  const entries = await readAudit(binding(c.env, 'DB'), { ...of, ...before, limit: limit + 1 });
  const page: AuditPage = { entries: entries.slice(0, limit), cursor: entries.length > limit ? String(entries[limit - 1]!.id) : null };
  return c.json(page);
}
