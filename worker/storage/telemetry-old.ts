import { TELEMETRY_COLUMNS } from '../../shared/telemetry.ts';

type EventRow = Record<string, string | number | null>;

/** When the oldest event happened, in milliseconds since 1970; null when there is none. */
export async function findOldest(db: D1Database): Promise<number | null> {
  return db.prepare('SELECT MIN(at) AS at FROM telemetry_events').first<number>('at');
}

const READ = `
  SELECT site, batch, position, at, ${Object.keys(TELEMETRY_COLUMNS).join(', ')} FROM telemetry_events
  WHERE at >= ?1 AND at < ?2 ORDER BY at, site, batch, position LIMIT ?3`;

/** The first `limit` events from `from` to before `to`. */
export async function readEvents(db: D1Database, from: number, to: number, limit: number): Promise<EventRow[]> {
  return (await db.prepare(READ).bind(from, to, limit).all<EventRow>()).results;
}

const DELETE_EVENTS = `
  DELETE FROM telemetry_events
  WHERE (site, batch, position) IN (SELECT key.value ->> 0, key.value ->> 1, key.value ->> 2 FROM json_each(?1) AS key)`;

/** Deletes exactly these events. */
export async function deleteEvents(db: D1Database, events: readonly EventRow[]): Promise<void> {
  const keys = events.map(({ site, batch, position }) => [site, batch, position]);
  await db.prepare(DELETE_EVENTS).bind(JSON.stringify(keys)).run();
}

const DELETE_BATCHES = `
  DELETE FROM telemetry_batches
  WHERE (site, batch) IN (SELECT site, batch FROM telemetry_batches WHERE received < ?1 ORDER BY received LIMIT ?2)`;
const DELETE_DEAD = 'DELETE FROM telemetry_dead WHERE id IN (SELECT id FROM telemetry_dead WHERE died < ?1 LIMIT ?2)';

/** Deletes at most `limit` batches received before `before`, whose events are gone, and as many dead letters. Returns how many rows it deleted. */
export async function deleteBatches(db: D1Database, before: number, limit: number): Promise<number> {
  const results = await db.batch([DELETE_BATCHES, DELETE_DEAD].map((sql) => db.prepare(sql).bind(before, limit)));
  return results.reduce((sum, { meta }) => sum + meta.changes, 0);
}
