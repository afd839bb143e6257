import type { Clock } from '../clock.ts';
import type { EdgeContext } from '../edge.ts';
import { spendQuota } from '../limits/daily-quota.ts';
import { enabledSite } from '../site-access.ts';

/** `POST /v1/generations?site=`: counts a picture that is about to be made against the site's day. */
export const generations = (now: Clock) =>
  async function generations(c: EdgeContext): Promise<Response> {
    const allowance = await spendQuota(c.env, enabledSite(c), 'generations', 1, now());
    return c.json(allowance, 200, { 'cache-control': 'no-store' });
  };
