import { workerPolicy } from '../../shared/security-headers.ts';
import type { EdgeContext } from '../edge.ts';
import { binding } from '../env.ts';
import { presigning } from '../presign.ts';
import { setHeaders } from '../response-headers.ts';

/** `GET /embed/assets/engine.js`: the engine's worker. A static file, but for its policy: where it may fetch weights from is this edge's setting. */
export async function engineScript(c: EdgeContext): Promise<Response> {
  c.res = await binding(c.env, 'ASSETS').fetch(c.req.raw);
  setHeaders(c, { 'content-security-policy': workerPolicy(presigning(c.env)?.bucket.origin) });
  return c.res;
}
