/** What a fusion rule is. One small file a rule; `rules.ts` names them. */
import type { Component } from '../../lora/lora.ts';
import type { CriterionName, SettledRule } from '../../rules.ts';
import type { Branch, LoraPair } from '../factors.ts';

/** What a rule decides about: the LoRAs of one graph, in a run of so many steps. */
export interface RuleContext {
  component: Component;
  pair: LoraPair;
  /** Modules of the graph's fused layers, in graph order. */
  modules: readonly string[];
  steps: number;
  settings: SettledRule;
}

/** One full prediction of the network: the graph measures and chooses, or each layer applies what the rule says. */
export type Pass = { kind: 'measure' } | { kind: 'apply'; branch: (module: string) => Branch };

/** A rule for one pair of LoRAs; what depends on the pair alone is computed when it is bound. */
export interface BoundRule {
  /** The factors as the rule applies them. */
  pair: LoraPair;
  /** Of a rule that measures: by what, the weights of D_subject and D_style in the comparison, and how much of the loser is applied. */
  measure?: { criterion: CriterionName; weights: readonly [subject: number, style: number]; loser: number };
  /** The full predictions of step `step` (from 0); their mean is the step's prediction. */
  passes(step: number): readonly Pass[];
  /** The step whose passes the text encoder follows at `step`: prompts are encoded once for each different one. */
  textStep(step: number): number;
}

export type Rule = (context: RuleContext) => BoundRule;

/** A rule that treats the steps and the text encoder alike: one pass, the same branch for a module at every step. */
export function constantRule(pair: LoraPair, branch: (module: string) => Branch): BoundRule {
  const passes: readonly Pass[] = [{ kind: 'apply', branch }];
  return { pair, passes: () => passes, textStep: () => 0 };
}
