import { DiptychError } from '../../shared/errors.ts';
import { ISOLATED } from '../../shared/security-headers.ts';
import { STUDIO_CONFIG_ID, type StudioConfig } from '../../shared/studio-config.ts';
import type { EdgeContext } from '../edge.ts';
import { binding } from '../env.ts';
import { presigning } from '../presign.ts';
import { scriptJson } from '../html.ts';
import { refusalPage } from '../refusal-page.ts';
import { enabledSite, isSitesOrigin, originRefused } from '../site-access.ts';
import type { Site } from '../storage/sites.ts';

/** The assets router answers it from `client/dist/embed/studio.html`, and would redirect an address that ends in `.html`. */
const ASSET = '/embed/studio';

/** `GET /embed/studio?site=`: the studio page, for the site's own pages to frame. A refusal is a page too, which tells the host page why. */
export async function studio(c: EdgeContext): Promise<Response> {
  try {
    const site = enabledSite(c);
    refuseForeignFrame(c, site);
    return await studioPage(c, site);
  } catch (thrown) {
    if (thrown instanceof DiptychError) return refusalPage(c, thrown);
    throw thrown;
  }
}

/** `frame-ancestors` makes the browser refuse as well, but without a word to anyone. */
function refuseForeignFrame(c: EdgeContext, site: Site): void {
  const referer = c.req.header('referer');
  if (c.req.header('sec-fetch-dest') !== 'iframe' || !referer || !URL.canParse(referer)) return;
  const { origin } = new URL(referer);
  if (!isSitesOrigin(c, origin, site)) throw originRefused(site, origin);
}

async function studioPage(c: EdgeContext, site: Site): Promise<Response> {
  const config: StudioConfig = {
    site: site.key,
    origins: site.origins,
    telemetry: `/v1/telemetry?site=${site.key}`,
    ...(site.dailyGenerations !== undefined && { generations: `/v1/generations?site=${site.key}` }),
  };
  const asset = await binding(c.env, 'ASSETS').fetch(new URL(ASSET, c.req.url));
  let written = false;
  const page = new HTMLRewriter()
    .on(`script#${STUDIO_CONFIG_ID}`, {
      element(script) {
        script.setInnerContent(scriptJson(config), { html: true });
        written = true;
      },
    })
    .transform(asset);
  const html = await page.text();
  if (!asset.ok || !written) {
    throw new DiptychError('edge_not_ready', `The studio page is not built (${ASSET}.html, status ${asset.status}). Run: npm run build.`);
  }
  return c.html(html, 200, {
    'cache-control': 'no-store',
    'content-security-policy': policy(site, presigning(c.env)?.bucket.origin),
    'cross-origin-resource-policy': 'cross-origin',
    ...ISOLATED,
  });
}

/**
 * `blob:` and `data:` are for pictures and for workers of onnxruntime; styles are set by the page's own scripts.
 *
 * @param bucket where weights are fetched from, if not from the edge
 */
function policy(site: Site, bucket: string | undefined): string {
  return [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    ["connect-src 'self' blob:", ...(bucket ? [bucket] : [])].join(' '),
    "worker-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'none'",
    ['frame-ancestors', "'self'", ...site.origins].join(' '),
  ].join('; ');
}
