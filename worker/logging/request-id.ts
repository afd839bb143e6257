/** `<16 hex digits>` and, on the platform, `-<the data centre's code>`. */
const CF_RAY = /^[0-9a-f]{16}(?:-[A-Z]{3})?$/;

/**
 * What one request is called in the log, in `X-Request-Id` and in a problem's `request_id`: Cloudflare's own id of it, by which its other tools
 * know it, or a fresh UUID where there is none (on one's own machine).
 */
export function requestId(headers: Headers): string {
  const ray = headers.get('cf-ray');
  return ray !== null && CF_RAY.test(ray) ? ray : crypto.randomUUID();
}
