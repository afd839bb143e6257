/** The rank, from 1, of the q-quantile of `total` sorted values: the smallest that at least q of them do not exceed. `q` in (0, 1]. */
export const nearestRank = (total: number, q: number): number => Math.max(1, Math.ceil(q * total));

/** The nearest-rank quantile of `values`: one of them, so they must not be empty. `q` in (0, 1]. */
export function exactQuantile(values: readonly number[], q: number): number {
  return values.toSorted((a, b) => a - b)[nearestRank(values.length, q) - 1]!;
}
