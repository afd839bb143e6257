import { DiptychError } from '../../shared/errors.ts';
import { binding, type Env } from '../env.ts';
import type { Site } from '../storage/sites.ts';
import type { QuotaKind } from './quota-kinds.ts';

const DAY_MS = 86_400_000;

/** What is left of a site's day; `limit` and `left` are null where it has no limit, and nothing is counted then. */
export interface Allowance {
  limit: number | null;
  left: number | null;
  /** Seconds until the next UTC day begins. */
  resets: number;
}

const NOUNS: Record<QuotaKind, string> = { bytes: 'bytes of weights', generations: 'pictures' };

const limitOf = (site: Pick<Site, 'dailyBytes' | 'dailyGenerations'>, kind: QuotaKind): number | undefined =>
  kind === 'bytes' ? site.dailyBytes : site.dailyGenerations;

/** UTC. @param now milliseconds since 1970 */
export const utcDay = (now: number): string => new Date(now).toISOString().slice(0, 10);

/** The site's counter; its name is the site's id, which stays when keys are rotated. */
export const quotasOf = (env: Env, site: string) => binding(env, 'QUOTAS').get(binding(env, 'QUOTAS').idFromName(site));

/**
 * Counts `amount` against the site's UTC day, if it has a limit.
 *
 * @param now milliseconds since 1970
 * @throws `quota_exceeded` when the day's limit does not hold it; nothing is counted then
 */
export async function spendQuota(env: Env, site: Site, kind: QuotaKind, amount: number, now: number): Promise<Allowance> {
  const resets = Math.ceil((DAY_MS - (now % DAY_MS)) / 1000);
  const limit = limitOf(site, kind);
  if (limit === undefined) return { limit: null, left: null, resets };
  const { allowed, used } = await quotasOf(env, site.id).spend({ kind, amount, limit, day: utcDay(now) });
  if (allowed) return { limit, left: limit - used, resets };
  const asked = amount === 1 ? '' : `, and ${amount} were asked for`;
  throw new DiptychError(
    'quota_exceeded',
    `The site may use ${limit} ${NOUNS[kind]} a day; ${used} are used${asked}. The day ends at 00:00 UTC, in ${resets} s.`,
    { kind, limit, used, retryAfter: resets },
  );
}
