/** Both ends inclusive, as in `Content-Range`. */
export interface ByteSpan {
  start: number;
  end: number;
}

/**
 * What a Range header asks of a file of `size` bytes (RFC 9110, section 14): one span, `unsatisfiable` (416), or undefined for the whole file
 * (no header, another unit, a malformed one, or several ranges, all of which a server may ignore).
 */
export function byteRange(header: string | undefined, size: number): ByteSpan | 'unsatisfiable' | undefined {
  const [, first, last] = /^bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*$/i.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length > 0 ? { start: size - length, end: size - 1 } : 'unsatisfiable';
  }
  const start = Number(first);
  const end = last === '' ? Infinity : Number(last);
  if (end < start) return undefined;
  return start < size ? { start, end: Math.min(end, size - 1) } : 'unsatisfiable';
}
