import type { Picture } from './make-picture.ts';

/** One layer at one step: its two KLs and which LoRA it took. */
interface LayerReport {
  module: string;
  kl: [subject: number, style: number];
  choice: 'subject' | 'style';
}

/** What `--report` writes: enough to compare two rules on one seed, and no picture. */
export function reportOf({ request, engine, timings, fusionMap }: Picture): object {
  const { modules, steps, kl, choice } = fusionMap;
  const layersAt = (step: number): LayerReport[] =>
    modules.map((module, layer) => {
      const row = step * modules.length + layer;
      return { module, kl: [kl[2 * row]!, kl[2 * row + 1]!], choice: choice[row] === 0 ? 'subject' : 'style' };
    });
  const { model, subject, style, ...settings } = request;
  return {
    request: { model: model.id, subject: subject?.id ?? null, style: style?.id ?? null, ...settings },
    engine,
    timings,
    // Only `kl` chooses; under the other rules every layer is treated alike.
    subjectShare: request.rule === 'kl' && choice.length > 0 ? choice.filter((side) => side === 0).length / choice.length : null,
    steps: Array.from({ length: steps }, (_, step) => ({ layers: layersAt(step) })),
  };
}
