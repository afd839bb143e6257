/** Sites that may embed the studio, in the edge's D1. */
import { randomBytes } from 'node:crypto';
import { DiptychError } from '../../../shared/errors.ts';
import { originPattern } from '../../../shared/origins.ts';
import { openLocalPlatform } from '../publish/local-platform.ts';
import { wrangler } from '../publish/wrangler.ts';

export interface SiteRow {
  id: string;
  name: string;
  origins: string[];
  disabled: boolean;
}

/** Which database: of this machine, under the folder that `wrangler dev` keeps its state in, or of the operator's account. */
export type SiteDatabase = { state: string } | 'remote';

/** A new publishable key. */
export const newSiteKey = (): string => `pk_${randomBytes(12).toString('hex')}`;

/**
 * Creates a site, or gives the one of this id a new name and new origins.
 *
 * @throws DiptychError `usage` for what is no origin
 */
export async function saveSite(site: Omit<SiteRow, 'disabled'>, database: SiteDatabase): Promise<SiteRow> {
  if (!/^pk_[A-Za-z0-9_-]{1,60}$/.test(site.id))
    throw new DiptychError('usage', `the site key ${site.id} must be pk_ and up to 60 letters, digits, - or _`, { id: site.id });
  const origins = site.origins.map(validOrigin);
  const save = 'INSERT INTO sites (id, name, origins) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET name = ?2, origins = ?3';
  await execute(save, [site.id, site.name, JSON.stringify(origins)], database);
  await execute('INSERT INTO site_keys (key, site) VALUES (?1, ?1) ON CONFLICT (key) DO NOTHING', [site.id], database);
  return { ...site, origins, disabled: false };
}

export async function listSites(database: SiteDatabase): Promise<SiteRow[]> {
  const rows = await execute('SELECT id, name, origins, disabled FROM sites ORDER BY id', [], database);
  return rows.map(({ id, name, origins, disabled }) => ({
    id: String(id),
    name: String(name),
    origins: JSON.parse(String(origins)) as string[],
    disabled: disabled === 1,
  }));
}

function validOrigin(text: string): string {
  const origin = originPattern(text);
  if (origin !== undefined) return origin;
  throw new DiptychError('usage', `${text} is no origin; write https://shop.example, https://*.shop.example or http://localhost:*`, {
    origin: text,
  });
}

async function execute(sql: string, values: string[], database: SiteDatabase): Promise<Record<string, unknown>[]> {
  if (database === 'remote') return executeRemotely(sql, values);
  const { bindings, close } = await openLocalPlatform(database.state);
  try {
    if (values.length === 0) return (await bindings.DB.prepare(sql).all()).results;
    await bindings.DB.prepare(sql)
      .bind(...values)
      .run();
    return [];
  } finally {
    await close();
  }
}

/** `wrangler d1 execute` binds no parameters: the values go in as literals, a quote doubled as SQL wants it. */
async function executeRemotely(sql: string, values: string[]): Promise<Record<string, unknown>[]> {
  const command = sql.replace(/\?(\d)/g, (_, index: string) => `'${values[Number(index) - 1]!.replaceAll("'", "''")}'`);
  const output = await wrangler('d1', 'execute', 'diptych', '--remote', '--json', '--command', command);
  const [{ results }] = JSON.parse(output) as [{ results: Record<string, unknown>[] }];
  return results;
}
