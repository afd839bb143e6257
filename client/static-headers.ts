import { ISOLATED, SECURITY_HEADERS, workerPolicy } from '../shared/security-headers.ts';

/** Swagger UI sets styles of elements from its script, and its style sheet holds pictures as data. It asks this edge alone. */
const DOCS_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** The dashboard holds the operator's token and strangers' words: its own script alone runs there, and text becomes markup only through lit. */
const ADMIN_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types lit-html";
const FOR_EVER = 'public, max-age=31536000, immutable';

/** For each path pattern of static files, what differs from `SECURITY_HEADERS`. */
const RULES: Record<string, Record<string, string>> = {
  // A module script from another origin is fetched with CORS.
  '/embed/v1.js': {
    'access-control-allow-origin': '*',
    'cross-origin-resource-policy': 'cross-origin',
    'cache-control': 'public, max-age=3600',
  },
  '/embed/assets/*': ISOLATED,
  '/embed/assets/chunk-*': { 'cache-control': FOR_EVER },
  '/admin': { 'content-security-policy': ADMIN_POLICY },
  '/admin/assets/*': { 'cache-control': FOR_EVER },
  '/docs': { 'content-security-policy': DOCS_POLICY },
  '/embed/ort/*': { ...ISOLATED, 'content-security-policy': workerPolicy(), 'cache-control': FOR_EVER },
};

/**
 * The file `_headers`, by which the platform serves static files
 * (https://developers.cloudflare.com/workers/static-assets/headers/). A header that two rules set would be sent with both values: `!` takes the former away.
 */
export function staticHeaders(): string {
  const rules = Object.entries({ '/*': SECURITY_HEADERS, ...RULES }).map(([pattern, headers]) => {
    const lines = Object.entries(headers).flatMap(([name, value]) => {
      const replaces = pattern !== '/*' && name in SECURITY_HEADERS;
      return [...(replaces ? [`  ! ${name}`] : []), `  ${name}: ${value}`];
    });
    return [pattern, ...lines].join('\n');
  });
  return `${rules.join('\n')}\n`;
}
