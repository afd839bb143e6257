import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { gaussianNoise, philox } from '../../../client/sampler/noise.ts';

describe('philox', () => {
  // The known answers of the generator's reference implementation (Random123, kat_vectors).
  it.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as const)('counter %j key %j', (counter, key, expected) => {
    expect(philox([...counter], [...key])).toEqual([...expected]);
  });
});

describe('gaussianNoise', () => {
  const noise = gaussianNoise(7, 100_000);

  it('has the moments of N(0, 1)', () => {
    const mean = (power: number) => noise.reduce((sum, value) => sum + value ** power, 0) / noise.length;
    expect(mean(1)).toBeCloseTo(0, 1.5);
    expect(mean(2)).toBeCloseTo(1, 1.5);
    expect(mean(3)).toBeCloseTo(0, 1);
    expect(mean(4)).toBeCloseTo(3, 0.5);
  });

  it('has the distribution of N(0, 1): Kolmogorov-Smirnov distance below the 0.1 % bound', () => {
    const sorted = Float64Array.from(noise).toSorted();
    const distances = sorted.map((value, i) => Math.abs(normalCdf(value) - (i + 0.5) / sorted.length));
    expect(Math.max(...distances.filter((_, i) => i % 10 === 0))).toBeLessThan(1.95 / Math.sqrt(sorted.length));
  });

  it('differs by seed and by stream, and a longer run begins with the shorter one', () => {
    expect(gaussianNoise(7, 6)).toEqual(noise.slice(0, 6));
    expect(gaussianNoise(8, 6)).not.toEqual(noise.slice(0, 6));
    expect(gaussianNoise(7, 6, 1)).not.toEqual(noise.slice(0, 6));
  });

  it('is close to what Math.log and Math.cos give', () => {
    const [a, b] = philox([0, 0, 0, 0], [7, 0]);
    const radius = Math.sqrt(-2 * Math.log((a + 1) / 2 ** 32));
    expect(noise[0]).toBeCloseTo(radius * Math.cos((2 * Math.PI * b) / 2 ** 32), 6);
    expect(noise[1]).toBeCloseTo(radius * Math.sin((2 * Math.PI * b) / 2 ** 32), 6);
  });

  it('is the same to the last bit everywhere: the browser suite pins the same digest', () => {
    const digest = createHash('sha256')
      .update(new Uint8Array(gaussianNoise(1, 10_000).buffer))
      .digest('hex');
    expect(digest).toBe('08d5243e4caa15b7a12d718b47c7f8e6856082b2f699fc43057c7c70a64841ef');
  });
});

/** Abramowitz & Stegun 7.1.26, error below 1.5e-7. */
function normalCdf(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * z);
  const tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) * Math.exp(-z * z);
  return x > 0 ? 1 - tail / 2 : tail / 2;
}
