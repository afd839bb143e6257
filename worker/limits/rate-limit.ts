/**
 * How fast one visitor, or all visitors of one site, may ask. The platform counts, in each of its locations by itself and roughly
 * (https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/): it bounds a flood, and is no quota.
 */
import { createMiddleware } from 'hono/factory';
import { DiptychError } from '../../shared/errors.ts';
import type { Edge } from '../edge.ts';
import type { Env } from '../env.ts';
import { problem } from '../problem.ts';
import { clientNetwork } from './client-address.ts';

/** The period of each binding, seconds, as `wrangler.toml` sets it: the binding does not tell. */
export const RATE_LIMITS = { LIMIT_CLIENT: 10, LIMIT_WEIGHTS: 10, LIMIT_SITE: 10, LIMIT_ADMIN: 60 } as const;

type RateLimitName = keyof typeof RATE_LIMITS;

/**
 * Refuses who asks too often from one network. Its place is before anything that costs: no site is looked up for a flood, so the refusal does
 * not know whose page may read it, and lets all.
 *
 * @param choose which limit a path counts against
 */
export const limitClients = (choose: (path: string) => RateLimitName) =>
  createMiddleware<Edge>(async function limitClients(c, next) {
    const name = choose(c.req.path);
    // Only Cloudflare's network adds it, and nobody can send it through that: without it the request came from this machine.
    const address = c.req.header('cf-connecting-ip');
    if (address !== undefined && !(await allowed(c.env, name, clientNetwork(address)))) {
      const readable = { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'Retry-After' };
      return problem(c, tooFast(name, 'Too many requests from this connection'), readable);
    }
    return next();
  });

/** Refuses what comes in the name of a site that is asked for too often, whoever asks. */
export const limitSites = createMiddleware<Edge>(async function limitSites(c, next) {
  const { site } = c.var;
  if (site && !(await allowed(c.env, 'LIMIT_SITE', site.key))) throw tooFast('LIMIT_SITE', 'Too many requests with this site key');
  return next();
});

/** The limit of each route for visitors: a first visit fetches many shards. */
export const visitorLimit = (path: string): RateLimitName => (path.startsWith('/v1/weights/') ? 'LIMIT_WEIGHTS' : 'LIMIT_CLIENT');

/** For admin routes: nobody tries tokens fast. */
export const adminLimit = (): RateLimitName => 'LIMIT_ADMIN';

/** Where the binding is missing, nothing is limited; `/healthz` says so. */
async function allowed(env: Env, name: RateLimitName, key: string): Promise<boolean> {
  const limiter = env[name];
  return limiter === undefined || (await limiter.limit({ key })).success;
}

function tooFast(name: RateLimitName, reason: string): DiptychError {
  const retryAfter = RATE_LIMITS[name];
  return new DiptychError('rate_limited', `${reason}. Try again in ${retryAfter} s.`, { retryAfter });
}

/** The limits that are not bound. */
export const unboundLimits = (env: Env): string[] => Object.keys(RATE_LIMITS).filter((name) => env[name as RateLimitName] === undefined);
