import type { FusedForm } from '../../shared/fusion/fused-form.ts';
import { COMPONENTS, type Component } from '../../shared/lora/lora.ts';
import type { ModelEntry } from '../../shared/manifest.ts';
import { criterionOf, isMeasured, type RuleName, type SettledRule } from '../../shared/rules.ts';
import type { Adapters } from './adapters.ts';
import type { FusionNeed } from './loaded-graph.ts';

/** What each graph must be able to do for a run. */
export type FusionNeeds = Readonly<Partial<Record<Component, FusionNeed>>>;

/** What `rule` needs of the graphs that the LoRAs change, modules in the model's order. */
export function fusionNeeds(model: ModelEntry, adapters: Adapters, rule: RuleName, settings: SettledRule): FusionNeeds {
  const need = (component: Component): FusionNeed => {
    const { subject, style } = adapters[component];
    const touched = new Set([...subject, ...style].map((layer) => layer.module));
    const modules = (model.layers[component] ?? []).map((layer) => layer.module).filter((module) => touched.has(module));
    return { modules, form: formOf(rule, settings, component === 'denoiser' && settings.every > 1) };
  };
  return Object.fromEntries(COMPONENTS.map((component) => [component, need(component)]));
}

/** `applies` is for a graph that is ever between two measurements: only a denoiser's is, for a text encoder runs once. */
export function formOf(rule: RuleName, { axis, direction, scope, stride }: SettledRule, applies: boolean): FusedForm {
  return isMeasured(rule) ? { measures: criterionOf(rule), axis, direction, scope, stride, applies } : { applies: true };
}
