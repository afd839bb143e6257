import { constantRule, type Rule } from './rule.ts';

/**
 * Both LoRAs in every layer, the style at `gain` of its strength, under guidance that does not multiply the style: the unconditional half reads the
 * style's words (`styleWords`), so that the guided prediction is
 *
 *     v_style + scale * (v_both - v_style)
 *
 * Classifier-free guidance multiplies whatever the prompt adds. A style is a texture that fills the picture at a scale of 1, a subject is a shape that
 * needs the scale; where both are multiplied, the style drowns the subject. Needs a guidance scale above 1; without it this is `direct`.
 */
export const contrast: Rule = ({ pair, settings: { gain } }) => {
  const [subject, style] = pair.strengths;
  return constantRule({ ...pair, strengths: [subject, gain * style] }, () => 'both');
};

/** What the unconditional half reads under `contrast`: any picture in the style, beside what the request would avoid. */
export const styleWords = (trigger: string, negativePrompt = ''): string =>
  [negativePrompt, `a picture ${trigger}`].filter(Boolean).join(', ');
