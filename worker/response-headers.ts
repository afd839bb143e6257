import type { EdgeContext } from './edge.ts';

/** Sets headers of the answer that a route has given. Those of a response that came from elsewhere (static files, the cache) are copied first. */
export function setHeaders(c: EdgeContext, headers: Record<string, string>): void {
  try {
    for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value);
  } catch (thrown) {
    if (!(thrown instanceof TypeError)) throw thrown;
    c.res = new Response(c.res.body, c.res);
    for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value);
  }
}
