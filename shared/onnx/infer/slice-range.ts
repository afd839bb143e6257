/** One axis of a Slice: the elements start, start + step, ... (`count` of them). */
export interface SliceRange {
  start: number;
  step: number;
  count: number;
}

/** Bounds are counted from the end where negative, then clamped: exporters write INT64_MAX and INT64_MIN for "to the end". */
export function sliceRange(start: number, end: number, step: number, size: number): SliceRange {
  const from = start < 0 ? start + size : start;
  const to = end < 0 ? end + size : end;
  if (step > 0) {
    const first = clamp(from, 0, size);
    return { start: first, step, count: Math.max(0, Math.ceil((clamp(to, 0, size) - first) / step)) };
  }
  const first = clamp(from, 0, size - 1);
  return { start: first, step, count: Math.max(0, Math.ceil((clamp(to, -1, size - 1) - first) / step)) };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
