/**
 * Which origins a site allows. A pattern is an exact origin (`https://shop.example`), every subdomain of one (`https://*.shop.example`, not the
 * domain itself), or every port of a loopback name (`http://localhost:*`). The same text is a valid CSP host-source for `frame-ancestors`.
 */
const HOST = String.raw`[a-z0-9-]+(?:\.[a-z0-9-]+)*`;
const EXACT = new RegExp(`^https?://${HOST}(?::[0-9]{1,5})?$`);
const ANY_PORT = /^http:\/\/(?:localhost|127\.0\.0\.1):\*$/;
/** Subdomains are of a name with a dot, which no IPv4 address is. */
const PARENT = /^https:\/\/(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*(?::[0-9]{1,5})?$/;
/** As people write them; no path, no credentials. */
const WRITTEN = /^(https?:\/\/)(\*\.)?([^\s/?#@\\*]+)\/?$/i;

/**
 * `text` as an origin pattern in the form that browsers send (`HTTPS://Shop.example:443/` becomes `https://shop.example`, a name in other letters
 * its Punycode), or undefined when it is none. Hosts are plain names and IPv4 addresses, so that a pattern can never carry a `;` or a space into
 * a header.
 */
export function originPattern(text: string): string | undefined {
  const lower = text.toLowerCase();
  if (ANY_PORT.test(lower)) return lower;
  const [, scheme = '', wildcard, host = ''] = WRITTEN.exec(text) ?? [];
  if (!URL.canParse(scheme + host)) return undefined;
  const { origin } = new URL(scheme + host);
  if (wildcard !== undefined) return PARENT.test(origin) ? origin.replace('://', '://*.') : undefined;
  return EXACT.test(origin) ? origin : undefined;
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
