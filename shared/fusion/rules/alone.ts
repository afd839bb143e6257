import { constantRule, type Rule } from './rule.ts';

/** y0 + d_subject: what the subject's LoRA does by itself. */
export const subjectOnly: Rule = ({ pair }) => constantRule(pair, () => 'subject');

/** y0 + d_style. */
export const styleOnly: Rule = ({ pair }) => constantRule(pair, () => 'style');
