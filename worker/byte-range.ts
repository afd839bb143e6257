/** What a Range header asks for: from `first` to `last`, which is Infinity where it is left out, or the last `suffix` bytes. */
export type ByteRange = { first: number; last: number } | { suffix: number };

/** Both ends inclusive, as in `Content-Range`. */
export interface ByteSpan {
  start: number;
  end: number;
}

/**
 * Reads a Range header (RFC 9110, section 14). Undefined asks for the whole file: no header, another unit, a malformed one, or several ranges,
 * all of which a server may ignore.
 */
export function parseByteRange(header: string | undefined): ByteRange | undefined {
  const [, first, last] = /^bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*$/i.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined;
  if (first === '') return { suffix: position(last) };
  const range = { first: position(first), last: last === '' ? Infinity : position(last) };
  return range.last < range.first ? undefined : range;
}

/** No file is longer than the largest exact integer, and no storage takes a larger one. */
const position = (digits: string): number => Math.min(Number(digits), Number.MAX_SAFE_INTEGER);

/** The part of a file of `size` bytes that the range asks for; undefined when it lies outside (416). */
export function spanOf(range: ByteRange, size: number): ByteSpan | undefined {
  const start = 'suffix' in range ? size - Math.min(range.suffix, size) : range.first;
  const end = 'suffix' in range ? size - 1 : Math.min(range.last, size - 1);
  return start < size ? { start, end } : undefined;
}

/** The header that asks for the range. */
export function rangeHeader(range: ByteRange): string {
  if ('suffix' in range) return `bytes=-${range.suffix}`;
  return `bytes=${range.first}-${Number.isFinite(range.last) ? range.last : ''}`;
}
