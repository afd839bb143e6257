import * as v from 'valibot';
import { DiptychError } from '../../shared/errors.ts';
import { originPattern } from '../../shared/origins.ts';
import type { Clock } from '../clock.ts';
import { binding, type Env } from '../env.ts';
import { explainDatabaseError } from './database-error.ts';

export interface Site {
  /** Stays when keys are rotated: what telemetry and quotas count by. */
  id: string;
  /** The public key, `pk_...`, by which it was named. */
  key: string;
  /** Patterns, see `shared/origins.ts`. */
  origins: string[];
  disabled: boolean;
  /** Ids of the models that it may use; undefined: all. */
  models?: readonly string[];
  /** Ids of the LoRAs that it may use; undefined: all. */
  loras?: readonly string[];
  /** Of weights, a UTC day; undefined: unlimited. */
  dailyBytes?: number;
  /** Pictures, a UTC day; undefined: unlimited. */
  dailyGenerations?: number;
}

const SITE_KEY = /^pk_[A-Za-z0-9_-]{1,60}$/;
/** How long a change of a site may take to be seen. */
const KEPT_MS = 15_000;
const MAX_KEPT = 1000;

const Row = v.object({
  id: v.string(),
  origins: v.string(),
  models: v.nullable(v.string()),
  loras: v.nullable(v.string()),
  daily_bytes: v.nullable(v.number()),
  daily_generations: v.nullable(v.number()),
  disabled: v.number(),
  expires: v.nullable(v.number()),
});

const FIND = `
  SELECT id, origins, models, loras, daily_bytes, daily_generations, disabled, expires
  FROM site_keys JOIN sites ON sites.id = site_keys.site WHERE key = ?1`;

interface Kept {
  site: Site;
  /** Milliseconds since 1970. */
  until: number;
}

/** The sites by their keys, with the rows that were asked for kept in memory for a short while. */
export class Sites {
  readonly #now: Clock;
  readonly #kept = new Map<string, Kept>();

  constructor(now: Clock) {
    this.#now = now;
  }

  /**
   * The site of this key, unless the key has expired.
   *
   * @throws `edge_not_ready` when the database or its tables are missing
   */
  async find(env: Env, key: string): Promise<Site | undefined> {
    if (!SITE_KEY.test(key)) return undefined;
    const kept = this.#kept.get(key);
    if (kept && kept.until > this.#now()) return kept.site;
    const found = await readSite(binding(env, 'DB'), key);
    // Unknown keys are not kept: a new site works at once, and a stranger cannot fill the memory.
    if (!found || found.expires <= this.#now()) return undefined;
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    this.#kept.set(key, { site: found.site, until: Math.min(this.#now() + KEPT_MS, found.expires) });
    return found.site;
  }
}

async function readSite(db: D1Database, key: string): Promise<{ site: Site; expires: number } | undefined> {
  const found = await db
    .prepare(FIND)
    .bind(key)
    .first()
    .catch((thrown: unknown) => {
      throw explainDatabaseError(thrown);
    });
  if (!found) return undefined;
  const row = v.parse(Row, found);
  const site: Site = {
    id: row.id,
    key,
    origins: readOrigins(row.id, row.origins),
    disabled: row.disabled !== 0,
    ...(row.models !== null && { models: readList(row.models) }),
    ...(row.loras !== null && { loras: readList(row.loras) }),
    ...(row.daily_bytes !== null && { dailyBytes: row.daily_bytes }),
    ...(row.daily_generations !== null && { dailyGenerations: row.daily_generations }),
  };
  return { site, expires: row.expires ?? Infinity };
}

/** A column that holds a JSON array of texts. */
export const readList = (json: string): string[] => v.parse(v.array(v.string()), JSON.parse(json));

function readOrigins(id: string, json: string): string[] {
  return readList(json).map((text) => {
    const pattern = originPattern(text);
    if (pattern !== undefined) return pattern;
    throw new DiptychError(
      'edge_not_ready',
      `sites.origins of ${id}: ${text} is not an origin such as https://shop.example. Correct the row.`,
    );
  });
}
