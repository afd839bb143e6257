import type { Decision } from '../../shared/fusion/controls.ts';
import type { RuleName } from '../../shared/rules.ts';

/** What each rule tells a fused graph: let the KLs decide, or apply these gates (subject, style) in every layer. */
export const RULE_DECISIONS: Readonly<Record<RuleName, Decision>> = {
  kl: 'kl',
  direct: [1, 1],
  'subject-only': [1, 0],
  'style-only': [0, 1],
};
