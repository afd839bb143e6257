/** How one golden is judged: the tensor by its largest error, the fused layers by their KL pairs and choices. */

export const TOLERANCE = {
  /** Largest absolute error of a tensor on the CPU and wasm; WebGPU sums in another order. */
  tensor: { cpu: 1e-3, wasm: 1e-3, webgpu: 2e-3 },
  /** Largest error of a guidance direction, relative to its largest element; WebGPU as above. */
  direction: { cpu: 1e-3, wasm: 1e-3, webgpu: 2e-3 },
  /** Largest relative error of a KL. */
  kl: 1e-3,
  /** Two KLs that differ by less than this, relative to the larger, may be chosen either way. */
  tie: 1e-4,
} as const;

/** The KL of a LoRA that a layer lacks is 0 but for rounding: at most this. */
const ZERO_KL = 1e-6;

/** What a golden folder says of one fused layer: the KL pair (subject, style) and the gates that were applied. */
export interface GoldenLayer {
  kl: [number, number];
  gates: [number, number];
}

/** The same of a run, by module. A rule that does not measure has no KLs. */
export type MeasuredLayers = Map<string, Pick<GoldenLayer, 'gates'> & Partial<GoldenLayer>>;

/** Infinity where the lengths differ, NaN where either holds a NaN: neither is within any tolerance. */
export function maxAbsError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!);
    if (Number.isNaN(error)) return error;
    if (error > worst) worst = error;
  }
  return worst;
}

export interface LayerVerdict {
  /** Layers whose choice differs although their KLs are no tie. */
  choicesDiffer: string[];
  /** Layers one of whose KLs is off, with the largest relative error over all layers. */
  klOff: string[];
  /** Of a rule that measures. */
  klError?: number;
}

/** Compares every layer that the golden lists; a layer that the run lacks counts as both wrong. */
export function compareLayers(measured: MeasuredLayers, golden: Record<string, GoldenLayer>): LayerVerdict {
  const verdict: LayerVerdict = { choicesDiffer: [], klOff: [] };
  for (const [module, expected] of Object.entries(golden)) {
    const actual = measured.get(module);
    if (!actual) {
      verdict.choicesDiffer.push(module);
      verdict.klOff.push(module);
      continue;
    }
    if (actual.kl) {
      const worst = Math.max(...expected.kl.map((kl, k) => klError(actual.kl![k]!, kl)));
      verdict.klError = Math.max(verdict.klError ?? 0, worst);
      if (!(worst <= TOLERANCE.kl)) verdict.klOff.push(module);
    }
    const tie = Math.abs(expected.kl[0] - expected.kl[1]) <= TOLERANCE.tie * Math.max(...expected.kl);
    const [subject, style] = actual.gates;
    const same = sameGates([subject, style], expected.gates) || (tie && sameGates([style, subject], expected.gates));
    if (!same) verdict.choicesDiffer.push(module);
  }
  return verdict;
}

const sameGates = (actual: readonly number[], expected: readonly number[]): boolean => maxAbsError(actual, expected) < 1e-6;

function klError(actual: number, expected: number): number {
  if (expected === 0) return Math.abs(actual) <= ZERO_KL ? 0 : Number.POSITIVE_INFINITY;
  return Math.abs(actual - expected) / expected;
}
