import { exports } from 'cloudflare:workers';
import { expect } from 'vitest';
import { openApi } from '../../worker/openapi/document.ts';

export const EDGE = 'https://edge.example';

/** A request to the real Worker. Whatever it answers, its status must be one that `/openapi.json` documents for that route. */
export async function fetchEdge(path: string, init: RequestInit = {}): Promise<Response> {
  const request = new Request(EDGE + path, { redirect: 'manual', ...init });
  const response = await exports.default.fetch(request);
  const method = request.method.toLowerCase() as 'get' | 'head' | 'post' | 'patch' | 'delete';
  const template = documented(new URL(request.url).pathname);
  const operation = template === undefined ? undefined : openApi.paths[template]?.[method];
  if (operation) expect(Object.keys(operation.responses), `${method} ${template}`).toContain(String(response.status));
  return response;
}

/** The path of `/openapi.json` that this one is of: `/v1/weights/{sha256}`. */
const documented = (pathname: string): string | undefined =>
  Object.keys(openApi.paths).find((template) => new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`).test(pathname));

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
