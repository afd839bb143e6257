import { createMiddleware } from 'hono/factory';
import { SECURITY_HEADERS } from '../shared/security-headers.ts';
import type { Edge } from './edge.ts';
import { setHeaders } from './response-headers.ts';

/** Adds what every answer carries, unless the route has set its own. */
export const securityHeaders = createMiddleware<Edge>(async function securityHeaders(c, next) {
  await next();
  const missing = Object.entries(SECURITY_HEADERS).filter(([name]) => !c.res.headers.has(name));
  setHeaders(c, Object.fromEntries(missing));
});
