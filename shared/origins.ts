/**
 * Which origins a site allows. A pattern is an exact origin (`https://shop.example`), every subdomain of one (`https://*.shop.example`, not the
 * domain itself), or every port of a loopback name (`http://localhost:*`). The same text is a valid CSP host-source for `frame-ancestors`.
 */
const HOST = String.raw`[a-z0-9-]+(?:\.[a-z0-9-]+)*`;
const WILDCARD = new RegExp(String.raw`^https://\*\.[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::[0-9]{1,5})?$|^http://(?:localhost|127\.0\.0\.1):\*$`);
const EXACT = new RegExp(`^https?://${HOST}(?::[0-9]{1,5})?$`);

/**
 * `text` as an origin pattern in the form that browsers send (`HTTPS://Shop.example:443/` becomes `https://shop.example`), or undefined when it
 * is none. Hosts are plain names and IPv4 addresses, so that a pattern can never carry a `;` or a space into a header.
 */
export function originPattern(text: string): string | undefined {
  if (WILDCARD.test(text)) return text;
  if (!URL.canParse(text)) return undefined;
  const { origin, href } = new URL(text);
  return href === `${origin}/` && EXACT.test(origin) ? origin : undefined;
}

/** Whether `origin`, as an Origin header or `event.origin` gives it, is one of `patterns`. The opaque origin `null` never is. */
export function originAllowed(origin: string, patterns: readonly string[]): boolean {
  return EXACT.test(origin) && patterns.some((pattern) => pattern === origin || matchesWildcard(origin, pattern));
}

function matchesWildcard(origin: string, pattern: string): boolean {
  if (pattern.endsWith(':*')) return origin === pattern.slice(0, -2) || origin.startsWith(pattern.slice(0, -1));
  const [scheme, domain] = pattern.split('*');
  return domain !== undefined && origin.startsWith(scheme!) && origin.endsWith(domain);
}
