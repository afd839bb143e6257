import * as v from 'valibot';
import { DiptychError } from '../../shared/errors.ts';
import { originPattern } from '../../shared/origins.ts';
import type { Clock } from '../clock.ts';
import { binding, type Env } from '../env.ts';
import { explainDatabaseError } from './database-error.ts';

export interface Site {
  /** The public site key. */
  id: string;
  /** Patterns, see `shared/origins.ts`. */
  origins: string[];
  disabled: boolean;
}

const SITE_ID = /^pk_[A-Za-z0-9_-]{1,60}$/;
/** How long a change of a site may take to be seen. */
const KEPT_MS = 15_000;
const MAX_KEPT = 1000;

const Row = v.object({ id: v.string(), origins: v.string(), disabled: v.number() });

/** The sites table, with the rows that were asked for kept in memory for a short while. */
export class Sites {
  readonly #now: Clock;
  readonly #kept = new Map<string, { site: Site; until: number }>();

  constructor(now: Clock) {
    this.#now = now;
  }

  /** @throws `edge_not_ready` when the database or its tables are missing */
  async find(env: Env, id: string): Promise<Site | undefined> {
    if (!SITE_ID.test(id)) return undefined;
    const kept = this.#kept.get(id);
    if (kept && kept.until > this.#now()) return kept.site;
    const site = await readSite(binding(env, 'DB'), id);
    // Unknown keys are not kept: a new site works at once, and a stranger cannot fill the memory.
    if (!site) return undefined;
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    this.#kept.set(id, { site, until: this.#now() + KEPT_MS });
    return site;
  }
}

async function readSite(db: D1Database, id: string): Promise<Site | undefined> {
  const query = db.prepare('SELECT id, origins, disabled FROM sites WHERE id = ?1').bind(id);
  const row = await query.first().catch((thrown: unknown) => {
    throw explainDatabaseError(thrown);
  });
  if (!row) return undefined;
  const { origins, disabled } = v.parse(Row, row);
  return { id, origins: readOrigins(id, origins), disabled: disabled !== 0 };
}

function readOrigins(id: string, json: string): string[] {
  const listed = v.parse(v.array(v.string()), JSON.parse(json));
  return listed.map((text) => {
    const pattern = originPattern(text);
    if (pattern !== undefined) return pattern;
    throw new DiptychError(
      'edge_not_ready',
      `sites.origins of ${id}: ${text} is not an origin such as https://shop.example. Correct the row.`,
    );
  });
}
