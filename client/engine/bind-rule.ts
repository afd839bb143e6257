import type { BoundRule } from '../../shared/fusion/rules/rule.ts';
import { RULE_OF } from '../../shared/fusion/rules/rules.ts';
import type { Component } from '../../shared/lora/lora.ts';
import type { GenerateRequest } from '../../shared/protocol.ts';
import type { SettledRule } from '../../shared/rules.ts';
import type { Adapters } from './adapters.ts';
import type { Pipeline } from './pipeline.ts';

export interface RuleParts {
  pipeline: Pipeline;
  adapters: Adapters;
  rule: SettledRule;
}

/** The request's rule, bound to the LoRAs of one graph. */
export function bindRule({ pipeline, adapters, rule }: RuleParts, request: GenerateRequest, component: Component): BoundRule {
  const pair = { ...adapters[component], strengths: request.strengths };
  const modules = pipeline.graph(component).layers.map((layer) => layer.module);
  return RULE_OF[request.rule]({ component, pair, modules, steps: request.steps, settings: rule });
}
