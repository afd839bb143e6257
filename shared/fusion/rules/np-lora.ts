import type { LoraLayer } from '../../lora/lora.ts';
import type { LoraPair } from '../factors.ts';
import { perPair } from './per-pair.ts';
import { constantRule, type Rule } from './rule.ts';

/**
 * NP-LoRA (arXiv 2511.11051): the subject's change without mu / (1 + mu) of its part in the style's row space, plus the style's:
 *
 *     dW = dW_style + dW_subject (I - mu / (1 + mu) V V^T),   V an orthonormal basis of the row space of the style's `down`.
 *
 * Exact at low rank: only the subject's `down` changes, once a pair.
 */
export const npLora: Rule = ({ pair, settings: { mu } }) => {
  const byMu = projections(pair);
  const subject = byMu.get(mu) ?? projected(pair, mu / (1 + mu));
  byMu.set(mu, subject);
  return constantRule({ ...pair, subject }, () => 'both');
};

/** The subject's layers as they were projected before, by mu. */
const projections = perPair(() => new Map<number, readonly LoraLayer[]>());

function projected({ subject, style }: LoraPair, share: number): readonly LoraLayer[] {
  const styles = new Map(style.map((layer) => [layer.module, layer]));
  return subject.map((layer) => {
    const other = styles.get(layer.module);
    return other ? { ...layer, down: withoutRowSpace(layer, orthonormalRows(other), share) } : layer;
  });
}

/** D - share (D Q) Q^T, Q^T the rows of `basis`. */
function withoutRowSpace({ rank, down }: LoraLayer, basis: readonly Float64Array[], share: number): Float32Array {
  const inner = down.length / rank;
  const changed = Float32Array.from(down);
  for (let r = 0; r < rank; r++) {
    const row = down.subarray(r * inner, (r + 1) * inner);
    const out = Float64Array.from(row);
    for (const direction of basis) addScaled(out, direction, -share * dot(row, direction));
    changed.set(out, r * inner);
  }
  return changed;
}

/** Rows that are shorter than this part of their length before lie in the span of those before them. */
const DEPENDENT = 1e-6;

/** An orthonormal basis of the rows of `down`, by Gram and Schmidt's process, twice for accuracy: the thin QR of its transpose. */
function orthonormalRows({ rank, down }: LoraLayer): Float64Array[] {
  const inner = down.length / rank;
  const basis: Float64Array[] = [];
  for (let r = 0; r < rank; r++) {
    const row = Float64Array.from(down.subarray(r * inner, (r + 1) * inner));
    const before = Math.sqrt(dot(row, row));
    for (let pass = 0; pass < 2; pass++) for (const direction of basis) addScaled(row, direction, -dot(row, direction));
    const length = Math.sqrt(dot(row, row));
    if (length > DEPENDENT * before) basis.push(row.map((value) => value / length));
  }
  return basis;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function addScaled(target: Float64Array, direction: Float64Array, scale: number): void {
  for (let i = 0; i < target.length; i++) target[i]! += scale * direction[i]!;
}
