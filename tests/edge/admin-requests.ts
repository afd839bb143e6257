import { env } from 'cloudflare:workers';
import { expect } from 'vitest';
import type { AuditEntry, AuditPage, SiteRecord } from '../../shared/site-settings.ts';
import { fetchEdge } from './fetch-edge.ts';

const TOKEN = env.ADMIN_TOKEN.split(',')[0]!.split(':')[1]!;

/** A request by `token:tester`; a body that is no text is sent as JSON. */
export function asAdmin(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  return fetchEdge(path, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, ...headers },
    ...(text !== undefined && { body: text }),
  });
}

export async function createSite(body: object): Promise<SiteRecord> {
  const response = await asAdmin('POST', '/v1/sites', body);
  expect(response.status).toBe(201);
  return response.json<SiteRecord>();
}

export async function readSite(id: string): Promise<SiteRecord> {
  const response = await asAdmin('GET', `/v1/sites/${id}`);
  expect(response.status).toBe(200);
  return response.json<SiteRecord>();
}

/** What was done to a site, the newest first. */
export async function auditOf(id: string): Promise<AuditEntry[]> {
  const response = await asAdmin('GET', `/v1/sites/${id}/audit?limit=200`);
  expect(response.status).toBe(200);
  return (await response.json<AuditPage>()).entries;
}
