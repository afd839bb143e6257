import { exports } from 'cloudflare:workers';
import { expect } from 'vitest';
import { openApi } from '../../worker/openapi/document.ts';
import type { Operation } from '../../worker/openapi/operation.ts';
import { faults } from './json-schema.ts';

export const EDGE = 'https://edge.example';

/** A request to the real Worker. Whatever it answers must be as `/openapi.json` documents that route: its status, its type, the form of its JSON. */
export async function fetchEdge(path: string, init: RequestInit = {}): Promise<Response> {
  const request = new Request(EDGE + path, { redirect: 'manual', ...init });
  const response = await exports.default.fetch(request);
  const method = request.method.toLowerCase() as 'get' | 'head' | 'post' | 'patch' | 'delete';
  const template = documented(new URL(request.url).pathname);
  const operation = template === undefined ? undefined : openApi.paths[template]?.[method];
  if (operation) await expectDocumented(response, operation, `${method} ${template}`);
  return response;
}

async function expectDocumented(response: Response, { responses }: Operation, name: string): Promise<void> {
  const answer = responses[String(response.status)];
  expect(Object.keys(responses), name).toContain(String(response.status));
  // What there is of HEAD are headers, those of GET.
  if (name.startsWith('head')) return;
  const type = response.headers.get('content-type')?.split(';')[0] ?? 'none';
  expect(Object.keys(answer?.content ?? { none: undefined }), `${name} ${response.status}`).toContain(type);
  if (!type.endsWith('json')) return;
  const { schema } = answer!.content![type]!;
  const faulty = faults('$ref' in schema ? openApi.components.schemas.Problem : { ...schema }, await response.clone().json());
  expect(faulty, `${name} ${response.status}`).toEqual([]);
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
