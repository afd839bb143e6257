import { absoluteSums } from '../delta-norms.ts';
import type { LoraLayer } from '../../lora/lora.ts';
import type { Branch, LoraPair } from '../factors.ts';
import { perPair } from './per-pair.ts';
import type { Rule } from './rule.ts';

/** How the style's weight grows with t, the step's index of T. */
const SCHEDULES = {
  s: (t: number, T: number) => (1.5 * t) / T + 0.5,
  's*': (t: number, T: number) => ((1.5 * t) / T + 1.3) % 1.5,
};

/**
 * K-LoRA (Ouyang et al. 2025, arXiv 2502.18461): in each layer the LoRA whose K = rank_subject * rank_style largest absolute entries of the
 * dense delta W sum to more, the style's sum times gamma S(t); gamma is the ratio of all absolute entries over the layers that both have.
 */
export const kLora: Rule = ({ pair, steps, settings }) => {
  const sums = topSums(pair);
  const styled = new Set(pair.style.map((layer) => layer.module));
  const weight = SCHEDULES[settings.schedule];
  const branchAt =
    (step: number) =>
    (module: string): Branch => {
      const sum = sums.get(module);
      if (!sum) return styled.has(module) ? 'style' : 'subject';
      return sum.subject >= sum.style * weight(step, steps) ? 'subject' : 'style';
    };
  return { pair, passes: (step) => [{ kind: 'apply', branch: branchAt(step) }], textStep: () => 0 };
};

interface TopSums {
  subject: number;
  /** Already multiplied by gamma. */
  style: number;
}

/** By module, for the layers that both have. The dense products are large, so they are summed once a pair. */
const unweightedSums = perPair(computeTopSums);

/** gamma makes up for a strength of the style as for its norm, and a strength of 0 is no style at all. */
function topSums(pair: LoraPair): Map<string, TopSums> {
  const [subject, style] = pair.strengths;
  const size = Math.abs(subject);
  return new Map(
    [...unweightedSums(pair)].map(([module, sum]) => [module, { subject: sum.subject * size, style: style === 0 ? 0 : sum.style * size }]),
  );
}

function computeTopSums(subject: readonly LoraLayer[], style: readonly LoraLayer[]): Map<string, TopSums> {
  const byModule = new Map(style.map((layer) => [layer.module, layer]));
  const shared = subject.flatMap((layer) => {
    const other = byModule.get(layer.module);
    if (!other) return [];
    const count = layer.rank * other.rank;
    return [{ module: layer.module, subject: absoluteSums(layer, count), style: absoluteSums(other, count) }];
  });
  const total = (kind: 'subject' | 'style') => shared.reduce((sum, layer) => sum + layer[kind].all, 0);
  const gamma = total('style') > 0 ? total('subject') / total('style') : 1;
  return new Map(shared.map((layer) => [layer.module, { subject: layer.subject.largest, style: layer.style.largest * gamma }]));
}
