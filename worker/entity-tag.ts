/** Whether an If-None-Match header names `etag` (quoted), by the weak comparison of RFC 9110, section 13.1.2. */
export function noneMatchHit(header: string | undefined, etag: string): boolean {
  if (header?.trim() === '*') return true;
  return (header ?? '').split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}
