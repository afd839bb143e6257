/**
 * How fast one visitor, or all visitors of one site, may ask. The platform counts, in each of its locations by itself and roughly
 * (https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/): it bounds a flood, and is no quota.
 */
import { createMiddleware } from 'hono/factory';
import { DiptychError } from '../../shared/errors.ts';
import type { Clock } from '../clock.ts';
import type { Edge, EdgeContext } from '../edge.ts';
import type { Env } from '../env.ts';
import { problem } from '../problem.ts';
import { clientNetwork } from './client-address.ts';

/**
 * For each binding its period in seconds, as `wrangler.toml` sets it, and how many requests count as one there: an isolate asks the platform for every
 * n-th of a key, so that an ordinary visit costs nothing. Tokens are counted one by one.
 */
export const RATE_LIMITS = {
  LIMIT_CLIENT: { period: 10, every: 20 },
  LIMIT_WEIGHTS: { period: 10, every: 30 },
  LIMIT_SITE: { period: 10, every: 100 },
  LIMIT_ADMIN: { period: 60, every: 1 },
} as const;

type RateLimitName = keyof typeof RATE_LIMITS;

/** What this isolate has seen of one key. */
interface Seen {
  count: number;
  refused: boolean;
  /** Milliseconds since 1970. */
  until: number;
}

const MAX_KEPT = 10_000;

type Refuse = (c: EdgeContext, error: DiptychError) => Response | Promise<Response>;

const refuseReadably: Refuse = (c, error) =>
  problem(c, error, { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'Retry-After' });

export class RateLimits {
  readonly #now: Clock;
  readonly #seen = new Map<string, Seen>();

  constructor(now: Clock) {
    this.#now = now;
  }

  /**
   * Refuses who asks too often from one network. Its place is before anything that costs: no site is looked up for a flood, so the refusal does not
   * know whose page may read it, and lets all.
   *
   * @param choose which limit a path counts against
   * @param refuse how the refusal is answered
   */
  clients(choose: (path: string) => RateLimitName, refuse: Refuse = refuseReadably) {
    const allowed = this.#allowed.bind(this);
    return createMiddleware<Edge>(async function limitClients(c, next) {
      const name = choose(c.req.path);
      // Cloudflare's network sets it whatever the client sends; wrangler dev, where the client sends none.
      const address = c.req.header('cf-connecting-ip');
      if (address !== undefined && !(await allowed(c, name, clientNetwork(address)))) {
        return refuse(c, tooFast(name, 'Too many requests from this connection'));
      }
      return next();
    });
  }

  /** Refuses what comes in the name of a site that is asked for too often, whoever asks. */
  sites() {
    const allowed = this.#allowed.bind(this);
    return createMiddleware<Edge>(async function limitSites(c, next) {
      const { site } = c.var;
      if (site && !(await allowed(c, 'LIMIT_SITE', site.key))) throw tooFast('LIMIT_SITE', 'Too many requests with this site key');
      return next();
    });
  }

  /**
   * Where the binding is missing, nothing is limited; `/healthz` says so. A refusal is remembered: a flood is not worth asking about twice. Where
   * requests count by the dozen, nobody waits for the answer, which holds for those that follow.
   */
  async #allowed(c: EdgeContext, name: RateLimitName, key: string): Promise<boolean> {
    const limiter = c.env[name];
    if (limiter === undefined) return true;
    const { period, every } = RATE_LIMITS[name];
    const seen = this.#entry(`${name} ${key}`, period);
    if (!seen.refused && ++seen.count % every === 0) {
      const asked = limiter.limit({ key }).then(({ success }) => (seen.refused = !success));
      if (every === 1) await asked;
      else c.executionCtx.waitUntil(asked);
    }
    return !seen.refused;
  }

  #entry(name: string, period: number): Seen {
    const known = this.#seen.get(name);
    if (known && known.until > this.#now()) return known;
    if (this.#seen.size >= MAX_KEPT) this.#seen.clear();
    const fresh = { count: 0, refused: false, until: this.#now() + period * 1000 };
    this.#seen.set(name, fresh);
    return fresh;
  }
}

/** The limit of each route for visitors: a first visit fetches many shards. */
export const visitorLimit = (path: string): RateLimitName => (path.startsWith('/v1/weights/') ? 'LIMIT_WEIGHTS' : 'LIMIT_CLIENT');

/** For admin routes: nobody tries tokens fast. */
export const adminLimit = (): RateLimitName => 'LIMIT_ADMIN';

function tooFast(name: RateLimitName, reason: string): DiptychError {
  const retryAfter = RATE_LIMITS[name].period;
  return new DiptychError('rate_limited', `${reason}. Try again in ${retryAfter} s.`, { retryAfter });
}

/** The limits that are not bound. */
export const unboundLimits = (env: Env): string[] => Object.keys(RATE_LIMITS).filter((name) => env[name as RateLimitName] === undefined);
