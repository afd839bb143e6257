/** Seconds that `remaining` steps will take, by those done so far. The first compiles shaders, so it counts only while it is alone. */
export function stepSecondsLeft(stepMs: readonly number[], remaining: number): number {
  const measured = stepMs.length > 1 ? stepMs.slice(1) : stepMs;
  const mean = measured.reduce((sum, ms) => sum + ms, 0) / Math.max(1, measured.length);
  return (mean * remaining) / 1000;
}

/** Seconds until `bytesLeft` are here at the mean speed so far; null while nothing has come over the network. */
export function downloadSecondsLeft(bytesDone: number, bytesLeft: number, elapsedMs: number): number | null {
  if (bytesLeft === 0) return 0;
  return bytesDone > 0 ? (bytesLeft / bytesDone) * (elapsedMs / 1000) : null;
}
