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
