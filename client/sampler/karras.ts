const RHO = 7;

/** `steps` sigmas from `highest` to `lowest` (Karras et al. 2022, arXiv 2206.00364, equation 5, rho = 7); one step takes the highest. */
export function karrasSigmas(highest: number, lowest: number, steps: number): number[] {
  const [from, to] = [highest ** (1 / RHO), lowest ** (1 / RHO)];
  return Array.from({ length: steps }, (_, i) => (from + (i / Math.max(1, steps - 1)) * (to - from)) ** RHO);
}
