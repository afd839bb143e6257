import { percentText } from '../number-text.ts';
import type { Metric } from './metrics.ts';

export interface Change {
  /** `+12.5%`, `−0.4 points`, `no change` */
  text: string;
  direction: 'up' | 'down' | 'level';
}

/** How a figure stands to that of the period before; undefined where there is nothing to compare with. */
export function changeOf(kind: Metric['kind'], value: number | null, previous: number | null): Change | undefined {
  if (value === null || previous === null || (kind !== 'share' && previous === 0)) return undefined;
  const change = kind === 'share' ? value - previous : (value - previous) / previous;
  // As it is shown: what rounds to nothing is none.
  const rounded = Math.round(change * 1000) / 1000;
  if (rounded === 0) return { text: 'no change', direction: 'level' };
  const amount = kind === 'share' ? `${(Math.abs(rounded) * 100).toFixed(1)} points` : percentText(Math.abs(rounded));
  return rounded > 0 ? { text: `+${amount}`, direction: 'up' } : { text: `−${amount}`, direction: 'down' };
}
