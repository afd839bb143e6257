import type { RuleName } from '../../shared/rules.ts';

/** How a fused graph is told its rule: `select` 1 lets the KL pairs choose, 0 applies `gates` (subject, style) in every layer. */
export interface RuleControls {
  select: 0 | 1;
  gates: readonly [subject: number, style: number];
}

export const RULE_CONTROLS: Readonly<Record<RuleName, RuleControls>> = {
  kl: { select: 1, gates: [0, 0] },
  direct: { select: 0, gates: [1, 1] },
  'subject-only': { select: 0, gates: [1, 0] },
  'style-only': { select: 0, gates: [0, 1] },
};
