import type { Pass, Rule } from './rule.ts';

const TURNS: readonly (readonly Pass[])[] = [[{ kind: 'apply', branch: () => 'subject' }], [{ kind: 'apply', branch: () => 'style' }]];

/** LoRA Switch (Zhong et al. 2024, arXiv 2402.16843): one LoRA at a time, the other after every `tau` steps, the subject first. */
export const switchTurns: Rule = ({ pair, settings: { tau } }) => {
  const turn = (step: number) => Math.floor(step / tau) % 2;
  return { pair, passes: (step) => TURNS[turn(step)]!, textStep: (step) => turn(step) * tau };
};
