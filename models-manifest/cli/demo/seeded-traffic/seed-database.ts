import { RETENTION_DAYS } from '../../../../shared/telemetry-limits.ts';
import { messageStatements, rollUpStatements } from '../../../../worker/storage/telemetry-statements.ts';
import type { LocalBindings } from '../../publish/local-platform.ts';
import { SEEDED_SITES } from './audience.ts';
import type { seededMessages } from './seeded-messages.ts';

type Database = LocalBindings['DB'];

const DAY_MS = 86_400_000;
/** Of one transaction. */
const MESSAGES_AT_ONCE = 10;

const TABLES = ['telemetry_events', 'telemetry_hours', 'telemetry_histograms', 'telemetry_batches'];
const ONLY_SEEDED = `IN (SELECT value FROM json_each(?1))`;

const SAVE_SITE = `
  INSERT INTO sites (id, name, origins) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET name = ?2, origins = ?3`;

/** Makes the seeded sites and takes away what an earlier seed put there. Rows of other sites are not touched. */
export async function clearSeeded(db: Database): Promise<void> {
  const ids = JSON.stringify(SEEDED_SITES.map(({ id }) => id));
  await db.batch([
    ...SEEDED_SITES.map(({ id, name, origins }) => db.prepare(SAVE_SITE).bind(id, name, JSON.stringify(origins))),
    ...TABLES.map((table) => db.prepare(`DELETE FROM ${table} WHERE site ${ONLY_SEEDED}`).bind(ids)),
  ]);
}

/**
 * Counts the messages by the statements of the Worker's own queue consumer. Of days that its retention would have archived only the roll-ups.
 *
 * @param now milliseconds since 1970
 */
export async function writeSeeded(
  db: Database,
  messages: ReturnType<typeof seededMessages>,
  now: number,
  onProgress: (done: number) => void,
): Promise<void> {
  const oldest = now - (now % DAY_MS) - RETENTION_DAYS * DAY_MS;
  for (let i = 0; i < messages.length; i += MESSAGES_AT_ONCE) {
    const statements = messages
      .slice(i, i + MESSAGES_AT_ONCE)
      .flatMap((message) => (message.received < oldest ? rollUpStatements(message) : messageStatements(message)));
    await db.batch(statements.map(({ sql, values }) => db.prepare(sql).bind(...values)));
    onProgress(Math.min(i + MESSAGES_AT_ONCE, messages.length));
  }
}
