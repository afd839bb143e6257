import { expect, it } from 'vitest';
import { grid } from '../../../models-manifest/evaluation/grid.ts';
import type { RgbaImage } from '../../../shared/protocol.ts';

const flat = (level: number): RgbaImage => ({ width: 2, height: 2, data: new Uint8ClampedArray(2 * 2 * 4).fill(level) });

it('puts pictures in rows and columns, each pixel twice as large, and leaves empty cells white', () => {
  const { width, height, data } = grid([
    [undefined, flat(10)],
    [flat(20), flat(30)],
  ]);
  expect([width, height]).toEqual([12, 12]);
  const row = (y: number) => Array.from({ length: width }, (_, x) => data[(y * width + x) * 4]);
  const four = (level: number) => Array<number>(4).fill(level);
  expect(row(3)).toEqual([...four(255), ...four(255), ...four(10)]);
  expect(row(5)).toEqual(Array<number>(12).fill(255));
  expect(row(8)).toEqual([...four(20), ...four(255), ...four(30)]);
});
