import { Hono } from 'hono';
import { except } from 'hono/combine';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { DiptychError } from '../shared/errors.ts';
import { type AccessKeys, remoteAccessKeys } from './admin/access-jwt.ts';
import { ADMIN_PATHS, adminAccess } from './admin/admin-access.ts';
import type { Clock } from './clock.ts';
import type { Edge, EdgeContext } from './edge.ts';
import { KeyRings } from './key-ring.ts';
import { adminLimit, RateLimits, visitorLimit } from './limits/rate-limit.ts';
import { logFault } from './logging/fault.ts';
import { requestLog } from './logging/request-log.ts';
import { openApi } from './openapi/document.ts';
import { problem } from './problem.ts';
import { refusalPage } from './refusal-page.ts';
import { getAudit, getSiteAudit } from './routes/admin/audit.ts';
import { revokeKey, rotateKey } from './routes/admin/keys.ts';
import { getSite, getSites, patchSite, postSite } from './routes/admin/sites.ts';
import { usage } from './routes/admin/usage.ts';
import { analytics } from './routes/analytics.ts';
import { downloads } from './routes/downloads.ts';
import { engineScript } from './routes/engine-script.ts';
import { generations } from './routes/generations.ts';
import { healthz } from './routes/healthz.ts';
import { manifest } from './routes/manifest.ts';
import { studio } from './routes/studio.ts';
import { telemetry } from './routes/telemetry.ts';
import { weights } from './routes/weights.ts';
import { securityHeaders } from './security-headers.ts';
import { identifySite, siteAccess, siteCors } from './site-access.ts';
import { CacheFiller } from './storage/cache-filler.ts';
import { Catalogues } from './storage/catalogue.ts';
import { explainDatabaseError } from './storage/database-error.ts';
import { Sites } from './storage/sites.ts';

interface AppOptions {
  now?: Clock;
  /** Where the keys come from that Cloudflare Access signs with. */
  accessKeys?: AccessKeys;
}

/** The edge's routes. What the app keeps in memory lives as long as it does. */
export function createApp({ now = Date.now, accessKeys = remoteAccessKeys() }: AppOptions = {}): Hono<Edge> {
  const app = new Hono<Edge>();
  const catalogues = new Catalogues();
  const keyRings = new KeyRings();
  const rates = new RateLimits(now);
  const identify = identifySite(new Sites(now));

  app.onError(answerError);
  app.notFound((c) =>
    problem(c, new DiptychError('route_not_found', `There is no ${c.req.path} here. GET /openapi.json lists the routes.`)),
  );
  app.use(requestLog(now), securityHeaders, methodNotAllowed({ app, onMethodNotAllowed: refuseMethod }));
  app.use('/v1/*', except(ADMIN_PATHS, rates.clients(visitorLimit), identify, siteCors, rates.sites()));
  const admin = adminAccess(accessKeys, now);
  for (const path of ADMIN_PATHS) app.use(path, rates.clients(adminLimit), admin);

  app.get('/v1/manifest', siteAccess('optional'), manifest(catalogues));
  app.post('/v1/downloads', siteAccess('required'), downloads(catalogues, keyRings, now));
  app.post('/v1/generations', siteAccess('required'), generations(now));
  app.get('/v1/weights/:sha256', weights(keyRings, new CacheFiller(catalogues), now));
  app.post('/v1/telemetry', siteAccess('required'), telemetry(now));
  app.get('/v1/sites', getSites(now));
  app.post('/v1/sites', postSite(catalogues, now));
  app.get('/v1/sites/:id', getSite(now));
  app.patch('/v1/sites/:id', patchSite(catalogues, now));
  app.post('/v1/sites/:id/keys', rotateKey(now));
  app.delete('/v1/sites/:id/keys/:key', revokeKey(now));
  app.get('/v1/sites/:id/audit', getSiteAudit(now));
  app.get('/v1/sites/:id/usage', usage(now));
  app.get('/v1/audit', getAudit);
  app.get('/v1/sites/:id/analytics', analytics(now));
  app.get('/embed/studio', rates.clients(visitorLimit, refusalPage), identify, studio);
  app.get('/embed/assets/engine.js', engineScript);
  app.get('/openapi.json', (c) => c.json(openApi, 200, { 'access-control-allow-origin': '*' }));
  app.get('/healthz', healthz(keyRings, now));
  return app;
}

function answerError(thrown: Error, c: EdgeContext): Response {
  const error = explainDatabaseError(thrown) as Error;
  logFault(c, error);
  if (error instanceof DiptychError) return problem(c, error);
  // What broke is for the operator's log; strangers only learn that something did, and by which name to ask about it.
  const detail = `The request could not be answered. The operator finds the reason in the log of this edge, under ${c.var.requestId}.`;
  return problem(c, new DiptychError('internal', detail));
}

function refuseMethod(c: EdgeContext, allowed: string[]): Response {
  const allow = allowed.join(', ');
  return problem(c, new DiptychError('method_not_allowed', `This route takes ${allow}, not ${c.req.method}.`, { allowed }), { allow });
}
