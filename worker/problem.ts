import { type DiptychError, ERRORS } from '../shared/errors.ts';
import type { EdgeContext } from './edge.ts';

/**
 * An error as `application/problem+json` (RFC 9457), with its stable `code`, its details as further members, and the request's id, by which the
 * operator finds it in the log. A detail `retryAfter`, in seconds, is the Retry-After header as well.
 */
export function problem(c: EdgeContext, error: DiptychError, headers: Record<string, string> = {}): Response {
  c.set('code', error.code);
  const { status, title } = ERRORS[error.code];
  const type = `/openapi.json#${error.code}`;
  const { retryAfter } = error.details;
  const body = { ...error.details, type, title, status, code: error.code, detail: error.message, request_id: c.var.requestId };
  return Response.json(body, {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(typeof retryAfter === 'number' && { 'retry-after': String(retryAfter) }),
      ...headers,
    },
  });
}
