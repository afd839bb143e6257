/**
 * What must not reach a log, though the text of some library's error may quote it: the query of an address (signatures, site keys), credentials,
 * addresses of clients, and keys or tokens in general: 32 characters or more in which both cases and digits are mixed. A SHA-256 in hex stays.
 */
const PATTERNS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/\?[^\s"'<>)]+/g, '?[query]'],
  [/\b(bearer|basic)\s+[^\s"',]+/gi, '$1 [credentials]'],
  [/\b(?:\d{1,3}\.){3}\d{1,3}\b/g, '[address]'],
  [/(?<![\w:.])(?=[0-9a-f:]*::|(?:[0-9a-f]{1,4}:){7})[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:])/gi, '[address]'],
  [/(?<![\w+/-])(?=[\w+/-]*[a-z])(?=[\w+/-]*[A-Z])(?=[\w+/-]*\d)[\w+/-]{32,}={0,2}/g, '[secret]'],
];

/** `text` without what must not be logged. */
export function redact(text: string): string {
  return PATTERNS.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), text);
}
