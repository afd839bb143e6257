import { env } from 'cloudflare:workers';
import { expect } from 'vitest';
import * as v from 'valibot';
import { Analytics } from '../../shared/analytics.ts';
import { fetchEdge } from './fetch-edge.ts';

const TOKEN = env.ADMIN_TOKEN.split(',')[0]!.split(':')[1]!;

/** `GET /v1/sites/:site/analytics?search` with the admin's token. */
export const fetchAnalytics = (site: string, search: string | URLSearchParams = ''): Promise<Response> =>
  fetchEdge(`/v1/sites/${site}/analytics?${search}`, { headers: { authorization: `Bearer ${TOKEN}` } });

/** Its answer, which must be of the shared schema. */
export async function analyticsOf(site: string, search: string | URLSearchParams = ''): Promise<Analytics> {
  const response = await fetchAnalytics(site, search);
  const body = await response.json();
  expect(response.status, JSON.stringify(body)).toBe(200);
  return v.parse(Analytics, body);
}
