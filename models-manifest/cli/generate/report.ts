import { type Branch, BRANCHES } from '../../../shared/fusion/factors.ts';
import { isMeasured } from '../../../shared/rules.ts';
import type { Picture } from './make-picture.ts';

/** One layer at one step: which LoRAs acted, and how far each moves its feature, where the rule measures that. */
interface LayerReport {
  module: string;
  distances?: [subject: number, style: number];
  choice: Branch;
}

/** What `--report` writes: enough to compare two rules on one seed, and no picture. */
export function reportOf({ request, engine, timings, fusionMap, scores }: Picture): object {
  const { modules, steps, distances, choice } = fusionMap;
  const measured = isMeasured(request.rule);
  const layersAt = (step: number): LayerReport[] =>
    modules.map((module, layer) => {
      const row = step * modules.length + layer;
      const pair: [number, number] = [distances[2 * row]!, distances[2 * row + 1]!];
      return { module, ...(measured ? { distances: pair } : {}), choice: BRANCHES[choice[row]!]! };
    });
  const { model, subject, style, ...settings } = request;
  return {
    request: { model: model.id, subject: subject?.id ?? null, style: style?.id ?? null, ...settings },
    engine,
    timings,
    // Rules that do not measure need no look at the layers to tell theirs.
    subjectShare: measured && choice.length > 0 ? choice.filter((side) => side === 0).length / choice.length : null,
    ...(scores ? { scores } : {}),
    steps: Array.from({ length: steps }, (_, step) => ({ layers: layersAt(step) })),
  };
}
