import type { AuditAction, AuditEntry } from '../../shared/site-settings.ts';

/** Who does something, when (milliseconds since 1970), and in which request. */
export interface Act {
  actor: string;
  at: number;
  requestId: string;
}

interface AuditRow {
  id: number;
  at: number;
  actor: string;
  action: AuditAction;
  site: string;
  details: string;
  request: string | null;
}

/** One row, if the site is there as it was when the change was decided on: the statement goes into the transaction of the change. */
const INSERT = `
  INSERT INTO audit (at, actor, action, site, details, request)
  SELECT ?3, ?4, ?5, id, ?6, ?7 FROM sites WHERE id = ?1 AND revision = ?2`;

export function auditStatement(
  db: D1Database,
  { id, revision }: { id: string; revision: number },
  { at, actor, requestId }: Act,
  action: AuditAction,
  details: object,
): D1PreparedStatement {
  return db.prepare(INSERT).bind(id, revision, at, actor, action, JSON.stringify(details), requestId);
}

interface AuditQuery {
  /** Only of this site. */
  site?: string;
  /** Only rows that came before that of this id. */
  before?: number;
  limit: number;
}

const COLUMNS = 'id, at, actor, action, site, details, request';
const READ_ALL = `SELECT ${COLUMNS} FROM audit WHERE id < ?1 ORDER BY id DESC LIMIT ?2`;
const READ_SITE = `SELECT ${COLUMNS} FROM audit WHERE id < ?1 AND site = ?3 ORDER BY id DESC LIMIT ?2`;

/** The newest first. */
export async function readAudit(db: D1Database, { site, before = Number.MAX_SAFE_INTEGER, limit }: AuditQuery): Promise<AuditEntry[]> {
  const query = site === undefined ? db.prepare(READ_ALL).bind(before, limit) : db.prepare(READ_SITE).bind(before, limit, site);
  const { results } = await query.all<AuditRow>();
  return results.map(({ at, details, request, ...row }) => ({
    ...row,
    at: new Date(at).toISOString(),
    details: JSON.parse(details) as Record<string, unknown>,
    requestId: request,
  }));
}
