import { exports } from 'cloudflare:workers';
import { expect } from 'vitest';
import { openApi } from '../../worker/openapi/document.ts';

export const EDGE = 'https://edge.example';

/** A request to the real Worker. Whatever it answers, its status must be one that `/openapi.json` documents for that route. */
export async function fetchEdge(path: string, init: RequestInit = {}): Promise<Response> {
  const request = new Request(EDGE + path, { redirect: 'manual', ...init });
  const response = await exports.default.fetch(request);
  const method = request.method.toLowerCase() as 'get' | 'head' | 'post';
  const pathname = new URL(request.url).pathname.replace(/^(\/v1\/weights\/)[^/]+$/, '$1{sha256}');
  const operation = openApi.paths[pathname]?.[method];
  if (operation) expect(Object.keys(operation.responses), `${method} ${pathname}`).toContain(String(response.status));
  return response;
}

interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  request_id: string;
}

/** The body of a refusal, which must be problem+json of the status that it was answered with. */
export async function problemOf(response: Response): Promise<Problem> {
  const body = await response.json<Problem>();
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(body).toMatchObject({
    type: expect.any(String),
    title: expect.any(String),
    status: response.status,
    detail: expect.stringMatching(/\w/),
    request_id: response.headers.get('x-request-id'),
  });
  return body;
}
