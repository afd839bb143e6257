import type { Context } from 'hono';
import type { ErrorCode } from '../shared/errors.ts';
import type { Env } from './env.ts';
import type { Site } from './storage/sites.ts';

/** hono's types for this app: its bindings, and what middleware leaves for the routes. */
export interface Edge {
  Bindings: Env;
  Variables: {
    /** What the log and the answer call this request. */
    requestId: string;
    /** Why it was refused, if it was. */
    code: ErrorCode | undefined;
    /** The one that the query names, if there is one of that key. */
    site: Site | undefined;
    /** On the admin's routes: `token:<name>` or `access:<who>`. */
    actor: string;
  };
}

export type EdgeContext = Context<Edge>;
