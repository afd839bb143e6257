import type { MetricName } from '../../../shared/guidance/settings.ts';

/** What each metric looks at, and by which network, in a visitor's words. */
export const METRIC_LABELS: Readonly<Record<MetricName, string>> = {
  dino: 'Subject (DINO)',
  clip: 'Style (CLIP)',
  gram: 'Texture (CLIP, Gram)',
  'clip-text': 'Prompt (CLIP)',
};
