import { sumOfSquares } from '../delta-norms.ts';
import type { CriterionName } from '../../rules.ts';
import type { LoraPair } from '../factors.ts';
import type { Pass, Rule } from './rule.ts';

const MEASURE: readonly Pass[] = [{ kind: 'measure' }];

/**
 * The larger change of the layer's feature wins, per layer and step (arXiv 2602.15539, section 3.2). The criteria say what a change is:
 * `criteria/kl.ts` is the paper's.
 */
export function measured(criterion: CriterionName): Rule {
  return ({ pair, settings }) => ({
    pair,
    measure: { criterion, weights: [settings.balance ? 1 / squaredRatio(pair) : 1, 1], loser: settings.loser },
    passes: () => MEASURE,
    textStep: () => 0,
  });
}

/** g^2: the mean square of the subject's change of the weights over that of the style's, over the layers that both have; 1 where they share none. */
function squaredRatio({ subject, style }: LoraPair): number {
  const byModule = new Map(style.map((layer) => [layer.module, layer]));
  let [ofSubject, ofStyle] = [0, 0];
  for (const layer of subject) {
    const other = byModule.get(layer.module);
    if (!other) continue;
    ofSubject += sumOfSquares(layer);
    ofStyle += sumOfSquares(other);
  }
  return ofSubject > 0 && ofStyle > 0 ? ofSubject / ofStyle : 1;
}
