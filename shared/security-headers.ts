/**
 * What every answer of the edge carries, be it the Worker's or a static file, unless a route or a file has a value of its own. These are for what is
 * no page: nothing may be loaded from it, and nobody may frame it.
 */
export const SECURITY_HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  // No page of the edge asks for any of these, so nothing that is smuggled into one can. Storage access is not listed: the studio may ask for it.
  'permissions-policy': 'camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), serial=(), usb=()',
  // Not `no-referrer`: under it browsers send `Origin: null` even to the page's own origin, and every POST of the studio would be refused.
  'referrer-policy': 'strict-origin-when-cross-origin',
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff',
} as const;

/**
 * The policy of a worker's script, which carries its own: that of the page which starts the worker does not hold there. onnxruntime's glue starts some of
 * itself.
 *
 * @param bucket where weights are fetched from, if not from the edge
 */
export const workerPolicy = (bucket?: string): string =>
  [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    ["connect-src 'self'", ...(bucket ? [bucket] : [])].join(' '),
    "frame-ancestors 'none'",
  ].join('; ');

/** On the studio page and all that it loads code from: a page that is cross-origin isolated may only frame one that embeds as strictly as itself. */
export const ISOLATED = { 'cross-origin-embedder-policy': 'require-corp' } as const;
