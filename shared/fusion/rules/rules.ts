import type { RuleName } from '../../rules.ts';
import { styleOnly, subjectOnly } from './alone.ts';
import { block } from './block.ts';
import { composite } from './composite.ts';
import { contrast } from './contrast.ts';
import { direct } from './direct.ts';
import { kLora } from './k-lora.ts';
import { measured } from './measured.ts';
import { npLora } from './np-lora.ts';
import type { Rule } from './rule.ts';
import { switchTurns } from './switch.ts';

/** The rule of each name. */
export const RULE_OF: Readonly<Record<RuleName, Rule>> = {
  kl: measured('kl'),
  'kl-soft': measured('kl'),
  l2: measured('l2'),
  cosine: measured('cosine'),
  direct,
  contrast,
  'k-lora': kLora,
  'np-lora': npLora,
  switch: switchTurns,
  composite,
  block,
  'subject-only': subjectOnly,
  'style-only': styleOnly,
};
