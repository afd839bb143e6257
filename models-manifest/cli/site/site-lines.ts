/** Sites and their audit as lines for people. */
import type { AuditEntry, SiteRecord } from '../../../shared/site-settings.ts';

/** Columns as wide as their widest cell. */
function tableLines(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]!.length))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}

/** A table with a head, one line a site. */
export function siteTable(sites: readonly SiteRecord[]): string[] {
  const rows = sites.map(({ id, name, origins, keys, disabled }) => [
    id,
    name,
    disabled ? 'disabled' : 'enabled',
    keys.at(-1)?.key ?? 'no key',
    origins.join(' ') || 'none',
  ]);
  return tableLines([['ID', 'NAME', 'STATE', 'KEY', 'ORIGINS'], ...rows]);
}

/** Everything about one site, a line a fact. */
export function siteLines({ id, name, disabled, created, ...site }: SiteRecord): string[] {
  return tableLines([
    ['id', id],
    ['name', name],
    ['state', disabled ? 'disabled' : 'enabled'],
    ['created', created],
    ...site.keys.map(({ key, expires }) => ['key', expires === null ? key : `${key} until ${expires}`]),
    ...(site.keys.length === 0 ? [['key', 'none: rotate makes one']] : []),
    ['origins', site.origins.join(' ') || 'none: no page may embed it'],
    ['models', listText(site.models)],
    ['loras', listText(site.loras)],
    ['bytes a day', limitText(site.dailyBytes)],
    ['pictures a day', limitText(site.dailyGenerations)],
  ]);
}

const listText = (ids: readonly string[] | null): string => (ids ? ids.join(' ') || 'none' : 'all');
const limitText = (limit: number | null): string => (limit === null ? 'unlimited' : String(limit));

/** One line a change. */
export function auditTable(entries: readonly AuditEntry[]): string[] {
  const rows = entries.map(({ at, actor, action, site, details }) => [at, actor, action, site, JSON.stringify(details)]);
  return tableLines([['TIME', 'WHO', 'WHAT', 'SITE', 'DETAILS'], ...rows]);
}
