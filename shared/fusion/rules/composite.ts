import type { Pass, Rule } from './rule.ts';

const PASSES: readonly Pass[] = [
  { kind: 'apply', branch: () => 'subject' },
  { kind: 'apply', branch: () => 'style' },
];

/** LoRA Composite (Zhong et al. 2024, arXiv 2402.16843): the mean of a full prediction with each LoRA, at `scale` of their strengths. */
export const composite: Rule = ({ pair, settings: { scale } }) => ({
  pair: { ...pair, strengths: [pair.strengths[0] * scale, pair.strengths[1] * scale] },
  passes: () => PASSES,
  textStep: () => 0,
});
