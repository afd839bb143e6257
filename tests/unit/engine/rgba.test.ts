import { expect, test } from 'vitest';
import { toRgba } from '../../../client/engine/rgba.ts';

test('planes in [-1, 1] become clamped, rounded, opaque pixels, rows from the top', () => {
  // Two pixels wide, one high: red plane, green plane, blue plane.
  const rgba = toRgba(Float32Array.of(-1, 1, 0, 0.5, -3, 7), 2, 1);
  expect([...rgba]).toEqual([0, 128, 0, 255, 255, 191, 255, 255]);
});
