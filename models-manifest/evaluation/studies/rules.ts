import { DEFAULT_RULE, type RuleName, RULES } from '../../../shared/rules.ts';
import type { Study, Variant } from '../study.ts';

const AGAINST: Readonly<Record<string, readonly string[]>> = {
  kl: ['direct', 'k-lora', 'np-lora'],
  'kl-soft': ['kl', 'direct', 'np-lora'],
  contrast: ['kl', 'direct', 'np-lora'],
};

const plain = RULES.map((rule): Variant => ({ name: rule, request: { rule }, ...(AGAINST[rule] ? { against: AGAINST[rule] } : {}) }));

const guided = (rule: RuleName): Variant => ({ name: `${rule} + guidance`, against: [rule], request: { rule, guidance: { eta: 0.05 } } });

export const RULES_STUDY: Study = {
  name: 'rules',
  title: 'Every fusion rule on every pair',
  about:
    'Each rule as it is by default, and `kl` and `kl-soft` with metric guidance too. What a LoRA can do alone is in the rows `subject-only` and `style-only`.',
  seeds: 8,
  prompts: 2,
  gallery: DEFAULT_RULE,
  variants: [...plain, guided('kl'), guided('kl-soft')],
};
