import { expect, test } from 'vitest';
import { changeOf } from '../../../client/admin/usage/change-text.ts';

test.for([
  ['count', 110, 100, '+10%'],
  ['count', 90, 100, '−10%'],
  ['count', 100, 100, 'no change'],
  // What is shown to be nothing is called so.
  ['count', 100_001, 100_000, 'no change'],
  ['count', 0, 100, '−100%'],
  ['count', 5, 0, undefined],
  ['bytes', 3e9, 1e9, '+200%'],
  // Shares are told in points: 10 % of 10 % would be read as 20 %.
  ['share', 0.2, 0.1, '+10.0 points'],
  ['share', 0.924, 0.934, '−1.0 points'],
  ['share', 0.1, 0, '+10.0 points'],
  ['share', null, 0.5, undefined],
  ['share', 0.5, null, undefined],
] as const)('%s %d after %d: %s', ([kind, value, previous, text]) => expect(changeOf(kind, value, previous)?.text).toBe(text));
