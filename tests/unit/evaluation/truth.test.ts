import { describe, expect, it } from 'vitest';
import { distanceToNearest, readTruth } from '../../../models-manifest/evaluation/scores/truth.ts';
import type { RgbaImage } from '../../../shared/protocol.ts';

const flat = (level: number): RgbaImage => {
  const data = new Uint8ClampedArray(2 * 2 * 4).fill(level);
  for (let at = 3; at < data.length; at += 4) data[at] = 255;
  return { width: 2, height: 2, data };
};

describe('distance to the truth', () => {
  it('is the root mean square over colours of the nearest pose', () => {
    expect(distanceToNearest(flat(100), [flat(0), flat(151)])).toBeCloseTo(51 / 255, 12);
    expect(distanceToNearest(flat(7), [flat(7)])).toBe(0);
  });

  it('reads eight poses of a pair, all different, none far from the others', async () => {
    const poses = await readTruth('pip', 'knit');
    expect(poses.map(({ width, height }) => `${width} x ${height}`)).toEqual(Array<string>(8).fill('64 x 64'));
    for (const pose of poses) {
      const distance = distanceToNearest(
        pose,
        poses.filter((other) => other !== pose),
      );
      expect(distance).toBeGreaterThan(0.01);
      expect(distance).toBeLessThan(0.4);
    }
  });
});
