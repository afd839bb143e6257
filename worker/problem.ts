import { type DiptychError, ERRORS } from '../shared/errors.ts';

/** An error as `application/problem+json` (RFC 9457), with its stable `code` and its details as further members. */
export function problem(error: DiptychError, headers: Record<string, string> = {}): Response {
  const { status, title } = ERRORS[error.code];
  const body = { ...error.details, type: `/openapi.json#${error.code}`, title, status, code: error.code, detail: error.message };
  return Response.json(body, {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
  });
}
