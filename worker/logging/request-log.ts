import { createMiddleware } from 'hono/factory';
import { matchedRoutes } from 'hono/route';
import type { Clock } from '../clock.ts';
import type { Edge, EdgeContext } from '../edge.ts';
import { setHeaders } from '../response-headers.ts';
import { logLine } from './log.ts';
import { requestId } from './request-id.ts';

/**
 * Names the request, says its name in the answer, and writes one line about it: what was asked for by the route's pattern, never by the address,
 * which may hold a signature. `ms` is the time until the answer began; `bytes` is what it said it would send.
 */
export const requestLog = (now: Clock) =>
  createMiddleware<Edge>(async function requestLog(c, next) {
    const started = now();
    const id = requestId(c.req.raw.headers);
    c.set('requestId', id);
    await next();
    setHeaders(c, { 'x-request-id': id });
    const { status } = c.res;
    logLine(status < 500 ? 'info' : 'error', 'request', {
      request_id: id,
      method: c.req.method,
      route: routeOf(c),
      status,
      code: c.var.code,
      ms: now() - started,
      site: c.var.site?.id,
      bytes: c.req.method === 'HEAD' ? 0 : declaredBytes(c.res),
    });
  });

/** `/v1/weights/:sha256`; undefined where no route took the request. Middleware stands for all methods. */
function routeOf(c: EdgeContext): string | undefined {
  return matchedRoutes(c).findLast(({ method }) => method !== 'ALL')?.path;
}

function declaredBytes({ body, headers }: Response): number | undefined {
  const length = headers.get('content-length');
  if (length !== null) return Number(length);
  return body === null ? 0 : undefined;
}
