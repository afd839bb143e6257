import type { Context } from 'hono';
import type { Env } from './env.ts';
import type { Site } from './storage/sites.ts';

/** hono's types for this app: its bindings, and what middleware leaves for the routes. */
export interface Edge {
  Bindings: Env;
  /** `site`: the one that the query names, if there is one of that key. */
  Variables: { site: Site | undefined };
}

export type EdgeContext = Context<Edge>;
