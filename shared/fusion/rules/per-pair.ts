import type { LoraLayer } from '../../lora/lora.ts';
import type { LoraPair } from '../factors.ts';

/** Keeps what `compute` makes of a pair's LoRAs for as long as these are in memory, whatever the strengths. */
export function perPair<T extends object>(
  compute: (subject: readonly LoraLayer[], style: readonly LoraLayer[]) => T,
): (pair: LoraPair) => T {
  const known = new WeakMap<readonly LoraLayer[], WeakMap<readonly LoraLayer[], T>>();
  return ({ subject, style }) => {
    const ofSubject = known.get(subject) ?? new WeakMap<readonly LoraLayer[], T>();
    known.set(subject, ofSubject);
    const found = ofSubject.get(style);
    if (found !== undefined) return found;
    const made = compute(subject, style);
    ofSubject.set(style, made);
    return made;
  };
}
