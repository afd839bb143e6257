import { constantRule, type Rule } from './rule.ts';

/**
 * Both LoRAs in every layer, the style at `gain` of its strength, under guidance that stops multiplying the style: after `onset` of the steps the
 * unconditional half reads the style's words (`styleWords`), so that the guided prediction is
 *
 *     v_style + scale * (v_both - v_style)
 *
 * Classifier-free guidance multiplies whatever the prompt adds. The first steps decide the style, which is of the whole picture, and it stays at a scale
 * of 1; the subject's shape needs the scale, and where both are multiplied to the end, the style drowns it. Needs a guidance scale above 1; without
 * it only `gain` is left.
 */
export const contrast: Rule = ({ pair, settings: { gain } }) => {
  const [subject, style] = pair.strengths;
  return constantRule({ ...pair, strengths: [subject, gain * style] }, () => 'both');
};

/** What the unconditional half reads under `contrast`: any picture in the style, beside what the request would avoid. */
export const styleWords = (trigger: string, negativePrompt = ''): string =>
  [negativePrompt, `a picture ${trigger}`].filter(Boolean).join(', ');
