/**
 * Sites as administrators see and change them. Every change is one transaction with its row of the audit, and holds only for the revision of the
 * site that it was decided on: of two changes at once the second is decided again, on what the first has left.
 */
import { DiptychError } from '../../shared/errors.ts';
import type { AuditAction, SiteRecord, SiteSettings } from '../../shared/site-settings.ts';
import { type Act, auditStatement } from './audit.ts';
import { readList } from './sites.ts';

export interface StoredSite {
  record: SiteRecord;
  /** Counts its changes. */
  revision: number;
}

/** What shall become of a site. */
export interface SiteDecision {
  action: AuditAction;
  /** For the audit. */
  details: object;
  settings?: Partial<SiteSettings>;
  /** All keys so far, or the one of this text, are accepted until then; milliseconds since 1970. */
  expire?: { at: number; key?: string };
  newKey?: string;
}

/** Changes of one site that come in one instant are few; who loses against so many should see what is going on. */
const MAX_TRIES = 10;

const SELECT = `
  SELECT id, name, origins, models, loras, daily_bytes, daily_generations, disabled, created, revision,
    (SELECT json_group_array(json_object('key', key, 'created', created, 'expires', expires) ORDER BY created, key)
      FROM site_keys WHERE site = sites.id AND (expires IS NULL OR expires > ?1)) AS keys
  FROM sites`;

interface Row {
  id: string;
  name: string;
  origins: string;
  models: string | null;
  loras: string | null;
  daily_bytes: number | null;
  daily_generations: number | null;
  disabled: number;
  created: number;
  revision: number;
  keys: string;
}

/**
 * The site with the keys that are accepted at `now`.
 *
 * @throws `site_not_found`
 */
export async function readSite(db: D1Database, id: string, now: number): Promise<StoredSite> {
  const row = await db.prepare(`${SELECT} WHERE id = ?2`).bind(now, id).first<Row>();
  if (row) return storedSite(row);
  throw new DiptychError('site_not_found', `There is no site ${id.slice(0, 80)}. GET /v1/sites lists them.`, { site: id.slice(0, 80) });
}

/** At most `limit` sites in the order of their ids, after that of id `after`. */
export async function listSites(db: D1Database, now: number, after: string, limit: number): Promise<SiteRecord[]> {
  const { results } = await db.prepare(`${SELECT} WHERE id > ?2 ORDER BY id LIMIT ?3`).bind(now, after, limit).all<Row>();
  return results.map((row) => storedSite(row).record);
}

function storedSite({ daily_bytes: dailyBytes, daily_generations: dailyGenerations, revision, ...row }: Row): StoredSite {
  const keys = JSON.parse(row.keys) as { key: string; created: number; expires: number | null }[];
  const record: SiteRecord = {
    id: row.id,
    name: row.name,
    origins: readList(row.origins),
    models: row.models === null ? null : readList(row.models),
    loras: row.loras === null ? null : readList(row.loras),
    dailyBytes,
    dailyGenerations,
    disabled: row.disabled !== 0,
    created: isoTime(row.created),
    keys: keys.map(({ key, created, expires }) => ({
      key,
      created: isoTime(created),
      expires: expires === null ? null : isoTime(expires),
    })),
  };
  return { record, revision };
}

const isoTime = (ms: number): string => new Date(ms).toISOString();

/** The columns of `SETTING_COLUMNS`, in its order. */
const settingValues = ({ name, origins, models, loras, dailyBytes, dailyGenerations, disabled }: SiteSettings): unknown[] => [
  name,
  JSON.stringify(origins),
  models && JSON.stringify(models),
  loras && JSON.stringify(loras),
  dailyBytes,
  dailyGenerations,
  disabled ? 1 : 0,
];
const SETTING_COLUMNS = ['name', 'origins', 'models', 'loras', 'daily_bytes', 'daily_generations', 'disabled'];

const INSERT_SITE = `
  INSERT INTO sites (id, created, revision, ${SETTING_COLUMNS.join(', ')})
  VALUES (?1, ?2, 1, ${SETTING_COLUMNS.map((_, index) => `?${index + 3}`).join(', ')})`;

/**
 * A new site with its first key.
 *
 * @throws `site_exists`
 */
export async function createSite(db: D1Database, id: string, settings: SiteSettings, key: string, act: Act): Promise<StoredSite> {
  const statements = [
    db.prepare(INSERT_SITE).bind(id, act.at, ...settingValues(settings)),
    db.prepare(INSERT_KEY).bind(id, 1, act.at, key),
    auditStatement(db, { id, revision: 1 }, act, 'site.create', { ...settings, key }),
  ];
  await db.batch(statements).catch((thrown: unknown) => {
    if (!String(thrown).includes('UNIQUE constraint failed: sites.id')) throw thrown;
    throw new DiptychError('site_exists', `There is a site ${id} already. Take another id, or change that one: PATCH /v1/sites/${id}.`, {
      site: id,
    });
  });
  return readSite(db, id, act.at);
}

/** `?1` is the site and `?2` its revision: what follows finds nothing when another change came in between. */
const UNCHANGED = 'FROM sites WHERE id = ?1 AND revision = ?2';
const INSERT_KEY = `INSERT INTO site_keys (key, site, created) SELECT ?4, id, ?3 ${UNCHANGED}`;
const EXPIRE_KEYS = `
  UPDATE site_keys SET expires = ?3
  WHERE site = (SELECT id ${UNCHANGED}) AND (expires IS NULL OR expires > ?3) AND (?4 IS NULL OR key = ?4)`;
/** The last of the transaction: it makes the next revision. */
const UPDATE_SITE = `
  UPDATE sites SET revision = revision + 1, ${SETTING_COLUMNS.map((column, index) => `${column} = ?${index + 3}`).join(', ')}
  WHERE id = ?1 AND revision = ?2`;

/**
 * Does what `decide` makes of the site as it is.
 *
 * @throws `site_not_found`, `site_changed` when others were faster again and again, and what `decide` throws
 */
export async function changeSite(db: D1Database, id: string, act: Act, decide: (site: StoredSite) => SiteDecision): Promise<StoredSite> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const site = await readSite(db, id, act.at);
    const results = await db.batch(statementsOf(db, site, decide(site), act));
    if (results.at(-1)!.meta.changes > 0) return readSite(db, id, act.at);
  }
  throw siteChanged(id);
}

export function siteChanged(id: string): DiptychError {
  return new DiptychError('site_changed', `Site ${id} was changed by somebody else in the meantime. Read it again, then decide.`, {
    site: id,
  });
}

function statementsOf(db: D1Database, { record, revision }: StoredSite, decision: SiteDecision, act: Act): D1PreparedStatement[] {
  const { action, details, settings, expire, newKey } = decision;
  const guard = [record.id, revision];
  return [
    auditStatement(db, { id: record.id, revision }, act, action, details),
    ...(expire ? [db.prepare(EXPIRE_KEYS).bind(...guard, expire.at, expire.key ?? null)] : []),
    ...(newKey === undefined ? [] : [db.prepare(INSERT_KEY).bind(...guard, act.at, newKey)]),
    db.prepare(UPDATE_SITE).bind(...guard, ...settingValues({ ...record, ...settings })),
  ];
}
