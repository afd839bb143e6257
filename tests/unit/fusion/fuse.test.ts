import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { choices, decisionTable } from '../../../shared/fusion/decision.ts';
import type { CriterionName } from '../../../shared/rules.ts';
import type { LoraPair, Slot } from '../../../shared/fusion/factors.ts';
import { fuse } from '../../../shared/fusion/fuse.ts';
import { formCovers } from '../../../shared/fusion/fused-form.ts';
import { findSites } from '../../../shared/fusion/sites.ts';
import { writeModel } from '../../../shared/onnx/write.ts';
import { cosineTurn, fused as fusedByHand, klDivergence, l2Length, type Matrix } from './reference.ts';
import { baseRows, FusedSession, OUTPUTS } from './run-fused.ts';
import { tinyModel } from './tiny-graph.ts';
import { applied, denseDelta, lora, MODULES, pairOf } from './tiny-loras.ts';

const DISTANCES: Record<CriterionName, (y0: Matrix, d: Matrix) => number> = { kl: klDivergence, l2: l2Length, cosine: cosineTurn };
const CRITERIA = Object.keys(DISTANCES) as CriterionName[];

const measuring = {} as Record<CriterionName, FusedSession>;
let applying: FusedSession;
let both: FusedSession;
let base: Record<string, Matrix>;

beforeAll(async () => {
  for (const measures of CRITERIA) measuring[measures] = await FusedSession.of({ measures, applies: false });
  applying = await FusedSession.of({ applies: true });
  both = await FusedSession.of({ measures: 'kl', applies: true });
  base = await baseRows();
});

/** The changes of one layer by subject and style, by hand. */
function deltas({ subject, style, strengths }: LoraPair, index: number): [Matrix, Matrix] {
  const scaled = (layers: LoraPair['subject'], strength: number) =>
    applied(denseDelta(layers, index), index).map((row) => row.map((value) => value * strength));
  return [scaled(subject, strengths[0]), scaled(style, strengths[1])];
}

function expectClose(actual: Matrix, expected: Matrix): void {
  const errors = expected.flatMap((row, n) => row.map((value, c) => Math.abs(value - actual[n]![c]!)));
  expect(Math.max(...errors)).toBeLessThan(2e-5);
}

const chosen = (pair: LoraPair, distances: Float32Array) => choices(decisionTable(MODULES, pair, [1, 1]), distances);

const PAIRS: [string, LoraPair][] = [
  ['both LoRAs in every layer', pairOf(lora(30, [2, 3, 2]), lora(60, [4, 1, 3]))],
  ['strengths other than one', pairOf(lora(30, [2, 3, 2]), lora(60, [4, 1, 3]), [0.3, 1.7])],
  ['a layer that only one of them has', pairOf(lora(30, [2, 0, 2]), lora(60, [4, 1, 0]))],
  ['no style LoRA at all', pairOf(lora(30, [1, 1, 1]), [])],
];

describe('a measuring graph', () => {
  it('finds the three layers with their sizes', () => {
    expect(findSites(tinyModel().graph).map((site) => site.layer)).toEqual([
      { kind: 'linear', module: 'block.0.to_q', in: 6, out: 7 },
      { kind: 'linear', module: 'proj', in: 6, out: 9 },
      { kind: 'conv', module: 'conv1', in: 4, out: 5, kernel: [3, 3] },
    ]);
  });

  const cases = CRITERIA.flatMap((criterion) => PAIRS.map(([name, pair]) => [criterion, name, pair] as const));
  it.each(cases)('chooses the larger %s with %s', async (criterion, _, pair) => {
    const { rows, distances } = await measuring[criterion].run({ pair, pass: 'measure' });
    for (const [index, output] of OUTPUTS.entries()) {
      const changes = deltas(pair, index);
      const expected = changes.map((d) => DISTANCES[criterion](base[output]!, d));
      expected.forEach((value, k) => expect(distances![2 * index + k]).toBeCloseTo(value, 5));
      const subject = expected[0]! >= expected[1]!;
      expect(chosen(pair, distances!)[index]).toBe(subject ? 'subject' : 'style');
      expectClose(rows[output]!, fusedByHand(base[output]!, changes, subject ? [1, 0] : [0, 1]));
    }
  });

  it('compares by the weights it is given', async () => {
    const pair = pairOf(lora(30, [2, 3, 2]), lora(60, [4, 1, 3]));
    const heavy = await measuring.kl.run({ pair, pass: 'measure', weights: [1e6, 1] });
    const light = await measuring.kl.run({ pair, pass: 'measure', weights: [1e-6, 1] });
    for (const [index, output] of OUTPUTS.entries()) {
      expectClose(heavy.rows[output]!, fusedByHand(base[output]!, deltas(pair, index), [1, 0]));
      expectClose(light.rows[output]!, fusedByHand(base[output]!, deltas(pair, index), [0, 1]));
    }
  });

  it('uses a lone LoRA however small its distance: rounding of the absent one must not win', async () => {
    const faint = lora(60, [1, 1, 1], 1e-6);
    for (const [pair, branch] of [
      [pairOf([], faint), 'style'],
      [pairOf(faint, []), 'subject'],
    ] as const) {
      const { distances } = await measuring.kl.run({ pair, pass: 'measure' });
      expect(chosen(pair, distances!)).toEqual([branch, branch, branch]);
    }
  });

  it('gives a tie to the subject', async () => {
    const pair = pairOf(lora(30, [2, 2, 2]), lora(30, [2, 2, 2]));
    const { distances } = await measuring.kl.run({ pair, pass: 'measure' });
    expect(chosen(pair, distances!)).toEqual(['subject', 'subject', 'subject']);
  });

  it('swaps every choice when subject and style are swapped, and is the base at strength 0', async () => {
    const rank = fc.integer({ min: 0, max: 4 });
    const ranks = fc.tuple(rank, rank, rank);
    await fc.assert(
      fc.asyncProperty(ranks, ranks, fc.integer({ min: 1, max: 1000 }), async (first, second, seed) => {
        const [a, b] = [lora(seed, first), lora(seed + 100, second)];
        const forward = await measuring.kl.run({ pair: pairOf(a, b), pass: 'measure' });
        const swapped = await measuring.kl.run({ pair: pairOf(b, a), pass: 'measure' });
        const [there, back] = [chosen(pairOf(a, b), forward.distances!), chosen(pairOf(b, a), swapped.distances!)];
        for (const [row, output] of OUTPUTS.entries()) {
          const [subject, style] = forward.distances!.subarray(2 * row, 2 * row + 2);
          const alone = (first[row] === 0) !== (second[row] === 0);
          const decided = alone || Math.abs(subject! - style!) > 1e-6;
          const other = there[row] === 'subject' ? 'style' : 'subject';
          expect(back[row]).toBe(decided ? other : back[row]);
          expectClose(swapped.rows[output]!, decided ? forward.rows[output]! : swapped.rows[output]!);
        }
        const off = await measuring.kl.run({ pair: pairOf(a, b, [0, 0]), pass: 'measure' });
        for (const output of OUTPUTS) expectClose(off.rows[output]!, base[output]!);
      }),
      { numRuns: 25 },
    );
  });
});

describe('an applying graph', () => {
  const slots: [Slot, [number, number]][] = [
    ['subject', [1, 0]],
    ['style', [0, 1]],
    ['both', [1, 1]],
    ['neither', [0, 0]],
  ];
  it.each(slots)('applies %s as it is fed', async (slot, gates) => {
    for (const [, pair] of PAIRS) {
      const { rows } = await applying.run({ pair, pass: () => slot });
      for (const [index, output] of OUTPUTS.entries()) expectClose(rows[output]!, fusedByHand(base[output]!, deltas(pair, index), gates));
    }
  });

  it('applies to each layer what that layer is fed', async () => {
    const pair = PAIRS[0]![1];
    const { rows } = await applying.run({ pair, pass: (module) => (module === 'proj' ? 'style' : 'subject') });
    expectClose(rows.linear!, fusedByHand(base.linear!, deltas(pair, 0), [1, 0]));
    expectClose(rows.gemm!, fusedByHand(base.gemm!, deltas(pair, 1), [0, 1]));
    expectClose(rows.conv!, fusedByHand(base.conv!, deltas(pair, 2), [1, 0]));
  });

  it('equals dense merging, and a LoRA of rank 0 changes nothing', async () => {
    const rank = fc.integer({ min: 0, max: 4 });
    const ranks = fc.tuple(rank, rank, rank);
    await fc.assert(
      fc.asyncProperty(ranks, ranks, fc.integer({ min: 1, max: 1000 }), async (first, second, seed) => {
        const pair = pairOf(lora(seed, first), lora(seed + 100, second), [0.7, 1.2]);
        const { rows } = await applying.run({ pair, pass: () => 'both' });
        for (const [index, output] of OUTPUTS.entries()) {
          const [a, b] = [denseDelta(pair.subject, index), denseDelta(pair.style, index)];
          const dense = a.map((row, o) => row.map((value, i) => 0.7 * value + 1.2 * b[o]![i]!));
          const change = applied(dense, index);
          expectClose(
            rows[output]!,
            base[output]!.map((row, n) => row.map((value, c) => value + change[n]![c]!)),
          );
          if (first[index] === 0 && second[index] === 0) expectClose(rows[output]!, base[output]!);
        }
      }),
      { numRuns: 25 },
    );
  });
});

describe('a graph that does either', () => {
  it('is the measuring graph or the applying one, as its condition says', async () => {
    for (const [, pair] of PAIRS) {
      const measured = await both.run({ pair, pass: 'measure' });
      const alone = await measuring.kl.run({ pair, pass: 'measure' });
      for (const output of OUTPUTS) expectClose(measured.rows[output]!, alone.rows[output]!);
      measured.distances!.forEach((distance, at) => expect(distance).toBeCloseTo(alone.distances![at]!, 5));
      const fed = await both.run({ pair, pass: () => 'both' });
      const fedAlone = await applying.run({ pair, pass: () => 'both' });
      for (const output of OUTPUTS) expectClose(fed.rows[output]!, fedAlone.rows[output]!);
      expect([...fed.distances!]).toEqual([0, 0, 0, 0, 0, 0]);
    }
  });

  it('covers what each of its halves covers', () => {
    const either = { measures: 'kl', applies: true } as const;
    expect(formCovers(either, { applies: true })).toBe(true);
    expect(formCovers(either, { measures: 'kl', applies: false })).toBe(true);
    expect(formCovers(either, { measures: 'l2', applies: false })).toBe(false);
    expect(formCovers({ applies: true }, { measures: 'kl', applies: false })).toBe(false);
    expect(formCovers({ measures: 'kl', applies: false }, { applies: true })).toBe(false);
  });
});

describe('fuse', () => {
  it('keeps the model it was given, and refuses a module that the graph does not have', () => {
    const given = tinyModel();
    const before = writeModel(given);
    for (const form of [{ measures: 'kl', axis: 'channels', direction: 'forward', scope: 'layer', stride: 1 }, 'apply'] as const)
      fuse(given, MODULES, form);
    expect(writeModel(given)).toEqual(before);
    expect(() => fuse(given, ['proj', 'block.7.to_q'], 'apply')).toThrowError(
      expect.objectContaining({ code: 'graph_unsupported', details: { missing: ['block.7.to_q'] } }),
    );
  });

  it('changes a weight where positions are many, and adds a branch where they are few or the weight is no float matrix', () => {
    const { model } = fuse(tinyModel(), MODULES, 'apply');
    const merged = (module: string) => model.graph.nodes.some((node) => node.outputs[0] === `${module}/fusion/w`);
    // MatMul: 10 positions * (6 + 7) > 6 * 7. Conv: 128 positions * (36 + 5) > 36 * 5. A Gemm never.
    expect(MODULES.map(merged)).toEqual([true, false, true]);
  });
});
