import { expect, test } from 'vitest';
import { downloadSecondsLeft, stepSecondsLeft } from '../../../client/engine/time-left.ts';

test.each<[number[], number, number]>([
  [[], 4, 0],
  [[3000], 2, 6],
  [[3000, 1000], 2, 2],
  [[3000, 1000, 2000], 2, 3],
  [[1000, 1000], 0, 0],
])('steps of %j ms, %i to go: %f s', (stepMs, remaining, seconds) => {
  expect(stepSecondsLeft(stepMs, remaining)).toBeCloseTo(seconds);
});

test.each<[number, number, number, number | null]>([
  [0, 100, 500, null],
  [50, 100, 500, 1],
  [100, 0, 500, 0],
  [0, 0, 500, 0],
])('%i bytes here, %i to come, %i ms in: %s s', (done, left, elapsed, seconds) => {
  expect(downloadSecondsLeft(done, left, elapsed)).toBe(seconds);
});
