import { RETENTION_DAYS } from '../../shared/telemetry-limits.ts';
import { binding, type Env } from '../env.ts';
import { explainDatabaseError } from '../storage/database-error.ts';
import { archive } from '../storage/telemetry-archive.ts';
import { deleteBatches, deleteEvents, findOldest, readEvents } from '../storage/telemetry-old.ts';

const DAY_MS = 86_400_000;

/** What one run does at most. `rows`: of one object, a few megabytes in the Worker's memory. */
interface Work {
  parts: number;
  rows: number;
}

const WORK_OF_A_RUN: Work = { parts: 20, rows: 5000 };

/** What one run did. `objects` were put into the archive, with `events`; `pruned`: rows without events that were deleted. */
interface Retained extends Record<string, number> {
  objects: number;
  events: number;
  pruned: number;
}

/** Rows without events that one run deletes at most. */
const MAX_PRUNED = 20_000;

/**
 * Moves raw events of days that ended more than `RETENTION_DAYS` ago from the database into the archive: an object is put and read back, then its
 * rows are deleted. A run that ends anywhere in between is made good by the next. Roll-ups stay.
 *
 * @param now milliseconds since 1970
 */
export async function retain(env: Env, now: number, { parts, rows }: Work = WORK_OF_A_RUN): Promise<Retained> {
  const retained = { objects: 0, events: 0, pruned: 0 };
  try {
    const db = binding(env, 'DB');
    const bucket = binding(env, 'ARCHIVE');
    const before = now - (now % DAY_MS) - RETENTION_DAYS * DAY_MS;
    for (let part = 0; part < parts; part++) {
      const oldest = await findOldest(db);
      if (oldest === null || oldest >= before) {
        retained.pruned = await deleteBatches(db, before, MAX_PRUNED);
        break;
      }
      retained.events += await archivePart(db, bucket, oldest - (oldest % DAY_MS), rows);
      retained.objects++;
    }
    return retained;
  } catch (thrown) {
    throw explainDatabaseError(thrown);
  }
}

/** The first `limit` rows of the day that starts at `start`. Returns how many there were. */
async function archivePart(db: D1Database, bucket: R2Bucket, start: number, limit: number): Promise<number> {
  const events = await readEvents(db, start, start + DAY_MS, limit);
  const lines = events.map((event) => JSON.stringify(event, (_, value) => value ?? undefined));
  await archive(bucket, new Date(start).toISOString().slice(0, 10), `${lines.join('\n')}\n`);
  await deleteEvents(db, events);
  return events.length;
}
