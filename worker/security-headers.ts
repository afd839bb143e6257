import { createMiddleware } from 'hono/factory';
import type { Edge } from './edge.ts';

/** For everything that is no page: nothing may be loaded from it, and nobody may frame it. Routes with a page of their own set another. */
const DEFAULTS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  // Not `no-referrer`: under it browsers send `Origin: null` even to the page's own origin, and every POST of the studio would be refused.
  'referrer-policy': 'strict-origin-when-cross-origin',
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff',
};

/** Adds what every answer carries, unless the route has set its own. */
export const securityHeaders = createMiddleware<Edge>(async function securityHeaders(c, next) {
  await next();
  for (const [name, value] of Object.entries(DEFAULTS)) if (!c.res.headers.has(name)) c.header(name, value);
});
