import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { absoluteSums, sumOfSquares } from '../../../shared/fusion/delta-norms.ts';
import type { Branch, LoraPair } from '../../../shared/fusion/factors.ts';
import type { BoundRule, RuleContext } from '../../../shared/fusion/rules/rule.ts';
import { RULE_OF } from '../../../shared/fusion/rules/rules.ts';
import type { LoraLayer } from '../../../shared/lora/lora.ts';
import { type RuleName, RULES, RuleSettings } from '../../../shared/rules.ts';
import { type Matrix, timesTransposed } from './reference.ts';
import { numbers } from './tiny-graph.ts';
import { denseDelta, lora, MODULES, pairOf } from './tiny-loras.ts';

const STEPS = 10;

function bind(rule: RuleName, pair: LoraPair, settings: RuleSettings = {}, more: Partial<RuleContext> = {}): BoundRule {
  return RULE_OF[rule]({ component: 'denoiser', pair, modules: MODULES, steps: STEPS, settings: v.parse(RuleSettings, settings), ...more });
}

/** What each module applies in the only pass of a step. */
function branches(rule: BoundRule, step: number, modules = MODULES): Branch[] {
  const [pass, ...others] = rule.passes(step);
  expect(others).toEqual([]);
  if (pass?.kind !== 'apply') throw new Error('the rule measures');
  return modules.map((module) => pass.branch(module));
}

const absolutes = (dense: Matrix): number[] =>
  dense
    .flat()
    .map(Math.abs)
    .toSorted((a, b) => b - a);
const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);

describe('the norms of a change', () => {
  const layers = fc.record({
    seed: fc.integer({ min: 1, max: 500 }),
    rank: fc.integer({ min: 1, max: 5 }),
    alpha: fc.double({ min: 0.1, max: 9, noNaN: true }),
  });

  it('are those of the dense product', () => {
    fc.assert(
      fc.property(layers, fc.integer({ min: 1, max: 400 }), ({ seed, rank, alpha }, count) => {
        const [layer] = lora(seed, [rank, 0, 0], alpha) as [LoraLayer];
        const sizes = absolutes(denseDelta([layer], 0));
        const { all, largest } = absoluteSums(layer, count);
        expect(all).toBeCloseTo(sum(sizes), 4);
        expect(largest).toBeCloseTo(sum(sizes.slice(0, count)), 4);
        expect(sumOfSquares(layer)).toBeCloseTo(sum(sizes.map((size) => size ** 2)), 4);
      }),
    );
  });
});

describe('k-lora', () => {
  const SCHEDULES = { s: (t: number) => (1.5 * t) / STEPS + 0.5, 's*': (t: number) => ((1.5 * t) / STEPS + 1.3) % 1.5 };

  it.each(['s', 's*'] as const)('chooses by the top-K sums of the dense changes, the style weighted by gamma and %s', (schedule) => {
    const seen = new Set<Branch>();
    for (let seed = 1; seed < 40; seed++) {
      const pair = pairOf(lora(seed, [2, 3, 1]), lora(seed + 200, [3, 1, 4], 2));
      const rule = bind('k-lora', pair, { schedule });
      const dense = MODULES.map(
        (_, index) => [absolutes(denseDelta(pair.subject, index)), absolutes(denseDelta(pair.style, index))] as const,
      );
      const gamma = sum(dense.flatMap(([subject]) => subject)) / sum(dense.flatMap(([, style]) => style));
      for (let step = 0; step < STEPS; step++) {
        const expected = dense.map(([subject, style], index) => {
          const count = pair.subject[index]!.rank * pair.style[index]!.rank;
          const weighted = sum(style.slice(0, count)) * gamma * SCHEDULES[schedule](step);
          return sum(subject.slice(0, count)) >= weighted ? 'subject' : 'style';
        });
        expect(branches(rule, step)).toEqual(expected);
        for (const branch of expected) seen.add(branch as Branch);
      }
    }
    expect(seen).toEqual(new Set(['subject', 'style']));
  });

  it('uses a lone LoRA, and gives up a style of strength 0', () => {
    expect(branches(bind('k-lora', pairOf(lora(3, [1, 0, 0]), lora(4, [0, 1, 1]))), 9)).toEqual(['subject', 'style', 'style']);
    expect(branches(bind('k-lora', pairOf(lora(3, [1, 1, 1]), lora(4, [4, 4, 4], 90), [1, 0])), 9)).toEqual([
      'subject',
      'subject',
      'subject',
    ]);
  });

  it('sums the dense products once a pair, whatever the steps and strengths', () => {
    const pair = pairOf(lora(3, [2, 2, 2]), lora(4, [2, 2, 2]));
    let reads = 0;
    const counted = { ...pair, subject: pair.subject.map((layer) => ({ ...layer, get down() { reads++; return layer.down; } })) }; // prettier-ignore
    bind('k-lora', counted).passes(0);
    const once = reads;
    for (const strengths of [[1, 1], [0.5, 2]] as const) bind('k-lora', { ...counted, strengths }, { schedule: 's*' }).passes(3); // prettier-ignore
    expect(once).toBeGreaterThan(0);
    expect(reads).toBe(once);
  });
});

describe('np-lora', () => {
  const mus = [0, 0.5, 3];
  it.each(mus)('takes mu / (1 + mu) of the style’s row space from the subject, mu %d', (mu) => {
    const pair = pairOf(lora(30, [2, 3, 2]), lora(60, [4, 1, 3]));
    const rule = bind('np-lora', pair, { mu });
    for (const [index, style] of pair.style.entries()) {
      const before = denseDelta(pair.subject, index);
      const after = denseDelta(rule.pair.subject, index);
      const rows = rowsOf(style);
      // Within the row space: (I - s P) r = r / (1 + mu).
      const [inBefore, inAfter] = [timesTransposed(before, rows), timesTransposed(after, rows)];
      inAfter.forEach((row, o) => row.forEach((value, r) => expect(value).toBeCloseTo(inBefore[o]![r]! / (1 + mu), 5)));
      // Across it nothing changes.
      const aside = orthogonalTo(rows, numbers(index + 5, rows[0]!.length));
      const [asideBefore, asideAfter] = [timesTransposed(before, [aside]), timesTransposed(after, [aside])];
      asideAfter.forEach((row, o) => expect(row[0]).toBeCloseTo(asideBefore[o]![0]!, 5));
    }
    expect(branches(rule, 0)).toEqual(['both', 'both', 'both']);
    expect(rule.pair.style).toBe(pair.style);
  });

  it('leaves layers alone that the style does not have, and takes dependent rows of the style once', () => {
    const subject = lora(30, [2, 2, 2]);
    const style = lora(60, [0, 2, 0]).map((layer) => ({
      ...layer,
      down: Float32Array.of(...layer.down.subarray(0, 6), ...layer.down.subarray(0, 6)),
    }));
    const { pair } = bind('np-lora', pairOf(subject, style), { mu: 1e9 });
    expect([pair.subject[0], pair.subject[2]]).toEqual([subject[0], subject[2]]);
    for (const row of timesTransposed(denseDelta(pair.subject, 1), rowsOf(style[0]!)))
      for (const value of row) expect(value).toBeCloseTo(0, 5);
  });

  it('projects once a pair and mu', () => {
    const pair = pairOf(lora(30, [2, 3, 2]), lora(60, [4, 1, 3]));
    const first = bind('np-lora', pair).pair.subject;
    expect(bind('np-lora', { ...pair, strengths: [0.2, 1] }).pair.subject).toBe(first);
    expect(bind('np-lora', pair, { mu: 2 }).pair.subject).not.toBe(first);
  });
});

const rowsOf = ({ rank, down }: LoraLayer): Matrix =>
  Array.from({ length: rank }, (_, r) => [...down.subarray((r * down.length) / rank, ((r + 1) * down.length) / rank)]);

/** `vector` without its part in the span of `rows`, by solving the normal equations with Gauss-Jordan elimination. */
function orthogonalTo(rows: Matrix, vector: ArrayLike<number>): number[] {
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((total, value, i) => total + value * b[i]!, 0);
  const system = rows.map((row) => [...rows.map((other) => dot(row, other)), dot(row, vector)]);
  for (const [pivot, equation] of system.entries())
    for (const [other, target] of system.entries()) {
      if (other === pivot) continue;
      const factor = target[pivot]! / equation[pivot]!;
      for (let i = 0; i < target.length; i++) target[i]! -= factor * equation[i]!;
    }
  const coefficients = system.map((equation, r) => equation.at(-1)! / equation[r]!);
  return Array.from(vector, (value, i) => value - sum(rows.map((row, r) => coefficients[r]! * row[i]!)));
}

describe('the other rules', () => {
  const pair = pairOf(lora(30, [2, 3, 2]), lora(60, [4, 1, 3]), [0.5, 2]);

  it('are one for each name', () => {
    expect(Object.keys(RULE_OF)).toEqual([...RULES]);
  });

  it.each([
    ['direct', 'both'],
    ['subject-only', 'subject'],
    ['style-only', 'style'],
  ] as const)('%s applies %s everywhere, with the pair as it is', (name, branch) => {
    const rule = bind(name, pair);
    expect(branches(rule, 3)).toEqual([branch, branch, branch]);
    expect(rule.pair).toBe(pair);
  });

  it.each(['kl', 'l2', 'cosine'] as const)('%s measures, and weighs the subject by 1 / g^2 when balanced', (name) => {
    expect(bind(name, pair).passes(4)).toEqual([{ kind: 'measure' }]);
    expect(bind(name, pair, { loser: 0.25 }).measure).toEqual({ criterion: name, weights: [1, 1], loser: 0.25 });
    const squares = (layers: readonly LoraLayer[]) =>
      sum(MODULES.flatMap((_, index) => absolutes(denseDelta(layers, index)).map((size) => size ** 2)));
    const g2 = squares(pair.subject) / squares(pair.style);
    expect(bind(name, pair, { balance: true }).measure!.weights[0]).toBeCloseTo(1 / g2, 4);
    // Strengths are the user's own weights: balancing must not take them back.
    expect(bind(name, { ...pair, strengths: [3, 1] }, { balance: true }).measure!.weights[0]).toBeCloseTo(1 / g2, 4);
    expect(bind(name, pairOf(pair.subject as LoraLayer[], []), { balance: true }).measure!.weights).toEqual([1, 1]);
  });

  it('switch lets the LoRAs take turns of tau steps, subject first, the prompt with them', () => {
    const rule = bind('switch', pair, { tau: 3 });
    const turns = Array.from({ length: STEPS }, (_, step) => branches(rule, step)[0]);
    expect(turns.join(' ')).toBe('subject subject subject style style style subject subject subject style');
    expect(Array.from({ length: STEPS }, (_, step) => rule.textStep(step))).toEqual([0, 0, 0, 3, 3, 3, 0, 0, 0, 3]);
  });

  it('composite makes one prediction with each LoRA, at its scale', () => {
    const rule = bind('composite', pair);
    expect(rule.passes(0).map((pass) => pass.kind === 'apply' && pass.branch('proj'))).toEqual(['subject', 'style']);
    expect(rule.pair.strengths).toEqual([0.4, 1.6]);
  });

  const sdxl = [
    'down_blocks.1.attentions.0.proj_in',
    'up_blocks.0.attentions.0.a',
    'up_blocks.0.attentions.1.a',
    'up_blocks.0.attentions.10.a',
    'up_blocks.1.attentions.0.a',
  ];
  const sd15 = ['up_blocks.0.resnets.0.conv1', 'up_blocks.1.attentions.0.a', 'up_blocks.1.attentions.1.a', 'up_blocks.2.attentions.1.a'];
  it.each([
    [sdxl, {}, ['neither', 'subject', 'style', 'neither', 'neither']],
    [sd15, {}, ['neither', 'subject', 'style', 'neither']],
    [sd15, { subjectBlock: 'up_blocks.2', styleBlock: 'up_blocks.1' }, ['neither', 'style', 'style', 'subject']],
  ] as const)('block keeps each LoRA to its block', (modules, settings, expected) => {
    expect(branches(bind('block', pair, settings, { modules }), 0, [...modules])).toEqual(expected);
  });

  it('block acts with both in a text encoder, and says what it lacks in a base without such blocks', () => {
    expect(branches(bind('block', pair, {}, { component: 'textEncoder' }), 0)).toEqual(['both', 'both', 'both']);
    expect(() => bind('block', pair)).toThrowError(expect.objectContaining({ code: 'request_invalid' }));
  });
});
