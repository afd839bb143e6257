import { describe, expect, test } from 'vitest';
import { compareLayers, type GoldenLayer, maxAbsError } from '../../../models-manifest/cli/conformance/compare.ts';

describe('maxAbsError', () => {
  test.each<[about: string, actual: number[], expected: number[], error: number]>([
    ['equal', [1, -2], [1, -2], 0],
    ['the largest of several', [1, 2, 3], [1.5, 1, 3.25], 1],
    ['nothing to compare', [], [], 0],
    ['too short', [1], [1, 2], Infinity],
    ['too long', [1, 2], [1], Infinity],
    ['infinity where a number is expected', [Infinity], [1], Infinity],
    // Comparisons with NaN are false: written the wrong way round, a maximum forgets it.
    ['a NaN first', [Number.NaN, 1], [1, 1], Number.NaN],
    ['a NaN last', [1, Number.NaN], [2, 1], Number.NaN],
    ['a NaN expected', [1, 1, 1], [1, Number.NaN, 3], Number.NaN],
    ['infinity on both sides', [Infinity], [Infinity], Number.NaN],
  ])('%s', (_, actual, expected, error) => {
    expect(maxAbsError(actual, expected)).toBe(error);
  });
});

const layer = (kl: [number, number], gates: [number, number]): GoldenLayer => ({ kl, gates });

describe('compareLayers', () => {
  const passes = { choicesDiffer: [], klOff: [] };
  test.each<[about: string, actual: GoldenLayer | undefined, golden: GoldenLayer, verdict: object]>([
    ['equal', layer([2, 1], [1, 0]), layer([2, 1], [1, 0]), { ...passes, klError: 0 }],
    ['a KL within the tolerance', layer([2.0019, 1], [1, 0]), layer([2, 1], [1, 0]), passes],
    ['a KL beyond it', layer([2.0021, 1], [1, 0]), layer([2, 1], [1, 0]), { choicesDiffer: [], klOff: ['m'] }],
    ['the style’s KL beyond it', layer([2, 0.99], [1, 0]), layer([2, 1], [1, 0]), { choicesDiffer: [], klOff: ['m'] }],
    ['a KL that is NaN', layer([Number.NaN, 1], [1, 0]), layer([2, 1], [1, 0]), { choicesDiffer: [], klOff: ['m'] }],
    ['rounding where a LoRA lacks the layer', layer([5e-7, 1], [0, 1]), layer([0, 1], [0, 1]), passes],
    ['a KL where a LoRA lacks the layer', layer([1e-3, 1], [0, 1]), layer([0, 1], [0, 1]), { choicesDiffer: [], klOff: ['m'] }],
    ['the other choice', layer([2, 1], [0, 1]), layer([2, 1], [1, 0]), { choicesDiffer: ['m'], klOff: [] }],
    ['the other choice at a tie', layer([1, 1.00009], [0, 1]), layer([1, 1.00009], [1, 0]), passes],
    ['the other choice next to a tie', layer([1, 1.0002], [0, 1]), layer([1, 1.0002], [1, 0]), { choicesDiffer: ['m'], klOff: [] }],
    ['no choice at a tie', layer([1, 1], [1, 1]), layer([1, 1], [1, 0]), { choicesDiffer: ['m'], klOff: [] }],
    ['gates that are NaN at a tie', layer([1, 1], [Number.NaN, 0]), layer([1, 1], [1, 0]), { choicesDiffer: ['m'], klOff: [] }],
    ['a layer that the run lacks', undefined, layer([2, 1], [1, 0]), { choicesDiffer: ['m'], klOff: ['m'] }],
  ])('%s', (_, actual, golden, verdict) => {
    expect(compareLayers(new Map(actual ? [['m', actual]] : []), { m: golden })).toMatchObject(verdict);
  });

  test('names every layer that is off, and the largest error of all', () => {
    const measured = new Map([
      ['a', layer([1.01, 1], [1, 0])],
      ['b', layer([1, 1.5], [0, 1])],
      ['c', layer([3, 4], [0, 1])],
    ]);
    const golden = { a: layer([1, 1.2], [0, 1]), b: layer([1, 2], [0, 1]), c: layer([3, 4], [0, 1]) };
    const verdict = compareLayers(measured, golden);
    expect(verdict).toMatchObject({ choicesDiffer: ['a'], klOff: ['a', 'b'] });
    expect(verdict.klError).toBe(0.25);
  });
});
