/** What `diptych site` asks of the admin API. */
import {
  type AuditEntry,
  AuditPage,
  MAX_PAGE,
  type NewSite,
  RotatedKey,
  type SiteChange,
  SitePage,
  SiteRecord,
} from '../../../shared/site-settings.ts';
import type { AdminClient } from './admin-client.ts';

const pathOf = (id: string): string => `/v1/sites/${encodeURIComponent(id)}`;

/** All of them, however many pages that are. */
export async function listSites(admin: AdminClient): Promise<SiteRecord[]> {
  const sites: SiteRecord[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const query = new URLSearchParams({ limit: String(MAX_PAGE), ...(cursor && { cursor }) });
    const { body }: { body: SitePage } = await admin.request('GET', `/v1/sites?${query}`, SitePage);
    sites.push(...body.sites);
    cursor = body.cursor;
  }
  return sites;
}

/** The newest changes, at most `limit`, of one site or of all. */
export async function readAudit(admin: AdminClient, id: string | undefined, limit: number): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = [];
  for (let cursor: string | null = ''; cursor !== null && entries.length < limit;) {
    const query = new URLSearchParams({ limit: String(Math.min(limit - entries.length, MAX_PAGE)), ...(cursor && { cursor }) });
    const path = id === undefined ? '/v1/audit' : `${pathOf(id)}/audit`;
    const { body }: { body: AuditPage } = await admin.request('GET', `${path}?${query}`, AuditPage);
    entries.push(...body.entries);
    cursor = body.cursor;
  }
  return entries;
}

export const createSite = async (admin: AdminClient, body: NewSite): Promise<SiteRecord> =>
  (await admin.request('POST', '/v1/sites', SiteRecord, { body })).body;

export const readSite = async (admin: AdminClient, id: string): Promise<SiteRecord> =>
  (await admin.request('GET', pathOf(id), SiteRecord)).body;

export const changeSite = async (admin: AdminClient, id: string, body: SiteChange): Promise<SiteRecord> =>
  (await admin.request('PATCH', pathOf(id), SiteRecord, { body })).body;

/** Changes what `decide` makes of the site as it is: refused with `site_changed` when somebody else changed it in between. */
export async function decideChange(admin: AdminClient, id: string, decide: (site: SiteRecord) => SiteChange): Promise<SiteRecord> {
  const { body: before, etag } = await admin.request('GET', pathOf(id), SiteRecord);
  return (await admin.request('PATCH', pathOf(id), SiteRecord, { body: decide(before), ifMatch: etag })).body;
}

/** @param overlap seconds for which the keys so far stay; undefined: as long as the edge likes */
export const rotateKey = async (admin: AdminClient, id: string, overlap: number | undefined): Promise<RotatedKey> =>
  (await admin.request('POST', `${pathOf(id)}/keys`, RotatedKey, { body: overlap === undefined ? {} : { overlap } })).body;

export const revokeKey = async (admin: AdminClient, id: string, key: string): Promise<SiteRecord> =>
  (await admin.request('DELETE', `${pathOf(id)}/keys/${encodeURIComponent(key)}`, SiteRecord)).body;
