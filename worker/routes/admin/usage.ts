import type { Clock } from '../../clock.ts';
import type { EdgeContext } from '../../edge.ts';
import { binding } from '../../env.ts';
import { quotasOf, utcDay } from '../../limits/daily-quota.ts';
import { readSite } from '../../storage/site-admin.ts';

/** `GET /v1/sites/:id/usage`: what the site has used of today's quotas. Where it has no limit, nothing is counted. */
export const usage = (now: Clock) =>
  async function usage(c: EdgeContext): Promise<Response> {
    const { record } = await readSite(binding(c.env, 'DB'), c.req.param('id')!, now());
    const day = utcDay(now());
    const used = await quotasOf(c.env, record.id).usage(day);
    return c.json({
      day,
      bytes: { limit: record.dailyBytes, used: used.bytes },
      generations: { limit: record.dailyGenerations, used: used.generations },
    });
  };
