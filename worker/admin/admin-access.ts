import { createMiddleware } from 'hono/factory';
import { DiptychError } from '../../shared/errors.ts';
import type { Clock } from '../clock.ts';
import type { Edge, EdgeContext } from '../edge.ts';
import { problem } from '../problem.ts';
import { accessApplication, accessIdentity, type AccessKeys } from './access-jwt.ts';
import { AdminTokens } from './admin-tokens.ts';

/** Where every route is the operator's: what is below is guarded, whether it is there or not, and answers no other site's page. */
export const ADMIN_PATHS = ['/v1/sites/*', '/v1/audit'];

/**
 * Lets a request pass that carries a token of the secret `ADMIN_TOKEN` as `Authorization: Bearer`, or comes through Cloudflare Access, and leaves
 * as `actor` who it is. A cookie alone is never enough; and as Access makes its JWT out of one, a page of another origin is refused whatever it sends.
 */
export const adminAccess = (accessKeys: AccessKeys, now: Clock) => {
  const tokens = new AdminTokens();
  return createMiddleware<Edge>(async function adminAccess(c, next) {
    refuseForeignPage(c);
    try {
      c.set('actor', await actorOf(c, tokens, accessKeys, now));
    } catch (thrown) {
      return challenge(c, thrown);
    }
    await next();
    // Neither the answers nor the refusals are anybody else's to keep.
    if (!c.res.headers.has('cache-control')) c.header('cache-control', 'no-store');
  });
};

function refuseForeignPage(c: EdgeContext): void {
  const origin = c.req.header('origin');
  if (origin === undefined || origin === new URL(c.req.url).origin) return;
  throw new DiptychError('origin_not_allowed', `The admin API answers no page of ${origin.slice(0, 200)}, only the edge’s own.`);
}

async function actorOf(c: EdgeContext, tokens: AdminTokens, accessKeys: AccessKeys, now: Clock): Promise<string> {
  const { ADMIN_TOKEN, ACCESS_TEAM_DOMAIN, ACCESS_AUD } = c.env;
  const application = accessApplication(ACCESS_TEAM_DOMAIN, ACCESS_AUD);
  if (!ADMIN_TOKEN && !application) throw notConfigured();
  const authorization = c.req.header('authorization');
  const jwt = c.req.header('cf-access-jwt-assertion');
  // Who sends a token means it: a wrong one is not made good by what Access adds.
  if (authorization !== undefined && ADMIN_TOKEN) return `token:${await tokenName(authorization, ADMIN_TOKEN, tokens)}`;
  if (jwt !== undefined && application) return `access:${await accessIdentity(jwt, application, accessKeys, now)}`;
  const ways = [ADMIN_TOKEN && 'Send Authorization: Bearer <ADMIN_TOKEN>', application && 'Come through Cloudflare Access'];
  throw new DiptychError('admin_credentials_missing', `${ways.filter(Boolean).join('. Or: ')}.`);
}

async function tokenName(authorization: string, secret: string, tokens: AdminTokens): Promise<string> {
  const [, presented] = /^Bearer +(\S+)$/i.exec(authorization) ?? [];
  const name = presented === undefined ? undefined : await tokens.nameOf(secret, presented);
  if (name !== undefined) return name;
  throw new DiptychError('admin_credentials_invalid', 'The Authorization header holds no token of this edge’s secret ADMIN_TOKEN.');
}

function notConfigured(): DiptychError {
  const fix = 'Run: npx wrangler secret put ADMIN_TOKEN (locally: a line in .dev.vars, see .dev.vars.example), or set up Cloudflare Access';
  return new DiptychError('edge_not_ready', `Nobody may administer this edge yet. ${fix}, see docs/sites.md.`, { binding: 'ADMIN_TOKEN' });
}

/** RFC 6750, section 3: both refusals are 401, and only credentials that were sent are called invalid. */
function challenge(c: EdgeContext, thrown: unknown): Response {
  if (!(thrown instanceof DiptychError) || !thrown.code.startsWith('admin_credentials_')) throw thrown;
  const invalid = thrown.code === 'admin_credentials_invalid' ? ', error="invalid_token"' : '';
  return problem(c, thrown, { 'www-authenticate': `Bearer realm="diptych admin"${invalid}` });
}
