import { problemOf } from '../../engine/weights/problem.ts';

/**
 * Has the edge count a picture that is about to be made against the site's day. An edge that cannot be reached keeps nobody from what is on their own
 * device already.
 *
 * @param path undefined where the site has no limit
 * @throws what the edge refuses with: `quota_exceeded`, `rate_limited`, `site_disabled`
 */
export async function askForGeneration(path: string | undefined, fetcher: typeof fetch): Promise<void> {
  if (path === undefined) return;
  const response = await fetcher(path, { method: 'POST' }).catch(() => undefined);
  if (response && response.status >= 400 && response.status < 500) throw await problemOf(response);
}
