import { env } from 'cloudflare:workers';
import { expect } from 'vitest';
import * as v from 'valibot';
import { Analytics } from '../../shared/analytics.ts';
import { openApi } from '../../worker/openapi/document.ts';
import { fetchEdge } from './fetch-edge.ts';

const TOKEN = env.ADMIN_TOKEN.split(',')[0]!.split(':')[1]!;
const documented = Object.keys(openApi.paths['/v1/sites/{id}/analytics']!.get!.responses);

/** `GET /v1/sites/:site/analytics?search` with the admin's token; the status must be a documented one. */
export async function fetchAnalytics(site: string, search: string | URLSearchParams = ''): Promise<Response> {
  const response = await fetchEdge(`/v1/sites/${site}/analytics?${search}`, { headers: { authorization: `Bearer ${TOKEN}` } });
  expect(documented).toContain(String(response.status));
  return response;
}

/** Its answer, which must be of the shared schema. */
export async function analyticsOf(site: string, search: string | URLSearchParams = ''): Promise<Analytics> {
  const response = await fetchAnalytics(site, search);
  const body = await response.json();
  expect(response.status, JSON.stringify(body)).toBe(200);
  return v.parse(Analytics, body);
}
