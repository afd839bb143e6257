import { constantRule, type Rule } from './rule.ts';

/** y0 + d_subject + d_style: both LoRAs merged, as every toolkit does it. */
export const direct: Rule = ({ pair }) => constantRule(pair, () => 'both');
