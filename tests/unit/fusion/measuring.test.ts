import * as v from 'valibot';
import { beforeAll, describe, expect, it } from 'vitest';
import type { LoraPair } from '../../../shared/fusion/factors.ts';
import { formCovers } from '../../../shared/fusion/fused-form.ts';
import { type CriterionName, type Measuring, RuleSettings } from '../../../shared/rules.ts';
import { cosineTurn, divergence, fused as fusedByHand, l2Length, type Matrix } from './reference.ts';
import { baseRows, FusedSession, OUTPUTS } from './run-fused.ts';
import { applied, denseDelta, lora, pairOf } from './tiny-loras.ts';

/** In each layer one image is moved more by the subject, another by the style: what decides together matters. */
const PAIR = pairOf(lora(37, [2, 3, 2]), lora(129, [4, 1, 3]));
/** The first layer has both, the Gemm the style alone, the Conv the subject alone. */
const LONE = pairOf(lora(37, [2, 0, 2]), lora(129, [4, 1, 0]));

/** How a graph measures, by what, and what is then kept of the loser. */
interface Case extends Measuring {
  measures: CriterionName;
  loser: number;
}

const EXACT: Case = { measures: 'kl', axis: 'channels', direction: 'forward', scope: 'layer', stride: 1, loser: 0 };

/** Positions of each layer's output that are one image's, in a row; the Gemm's have one each. */
const POSITIONS: Readonly<Record<string, (rows: number) => number>> = {
  linear: (rows) => rows / 2,
  gemm: () => 1,
  conv: (rows) => rows / 2,
};

const deltas = ({ subject, style, strengths }: LoraPair, index: number): [Matrix, Matrix] => {
  const scaled = (layers: LoraPair['subject'], strength: number) =>
    applied(denseDelta(layers, index), index).map((row) => row.map((value) => value * strength));
  return [scaled(subject, strengths[0]), scaled(style, strengths[1])];
};

const slices = (rows: Matrix, size: number): Matrix[] =>
  Array.from({ length: rows.length / size }, (_, k) => rows.slice(k * size, (k + 1) * size));
const transposed = (rows: Matrix): Matrix => rows[0]!.map((_, c) => rows.map((row) => row[c]!));
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The mean over one image's measured rows [positions][channels]; one position has no softmax over positions. */
function distance(y0: Matrix, d: Matrix, { measures, axis, direction, stride }: Case): number {
  const step = y0.length >= 16 * stride ? stride : 1;
  const [base, change] = [y0, d].map((rows) => rows.filter((_, n) => n % step === 0)) as [Matrix, Matrix];
  if (measures === 'l2') return l2Length(base, change);
  if (measures === 'cosine') return cosineTurn(base, change);
  const along = axis === 'positions' && base.length > 1 ? transposed : (rows: Matrix) => rows;
  const changed = along(change);
  return mean(along(base).map((row, k) => divergence(row, changed[k]!, direction)));
}

/** The layer's output and its mean distances by hand: every part chooses for itself; a lone LoRA always wins. */
function byHand(y0: Matrix, [s, t]: [Matrix, Matrix], positions: number, how: Case): { rows: Matrix; distances: [number, number] } {
  const [bases, subjects, styles] = [y0, s, t].map((rows) => slices(rows, positions)) as [Matrix[], Matrix[], Matrix[]];
  const apart = bases.map((base, k) => [distance(base, subjects[k]!, how), distance(base, styles[k]!, how)] as const);
  const whole: [number, number] = [mean(apart.map(([a]) => a)), mean(apart.map(([, b]) => b))];
  const zero = (d: Matrix) => d.every((row) => row.every((value) => value === 0));
  const rows = bases.flatMap((base, k) => {
    const size = how.scope === 'position' ? 1 : positions;
    const [subjectParts, styleParts] = [slices(subjects[k]!, size), slices(styles[k]!, size)];
    return slices(base, size).flatMap((part, p) => {
      const changes: [Matrix, Matrix] = [subjectParts[p]!, styleParts[p]!];
      const [a, b] = how.scope === 'layer' ? whole : [distance(part, changes[0], how), distance(part, changes[1], how)];
      const subject = zero(t) || (!zero(s) && a >= b);
      return fusedByHand(part, changes, subject ? [1, how.loser] : [how.loser, 1]);
    });
  });
  return { rows, distances: whole };
}

/** Runs the tiny model as `how` says and compares every layer with the same by hand. */
async function expectByHand(
  { loser, ...form }: Case,
  pair: LoraPair,
  { precision, tolerance }: { precision: 'float32' | 'float16'; tolerance: number },
): Promise<void> {
  const base = await baseRows(precision);
  const session = await FusedSession.of({ ...form, applies: false }, precision);
  const { rows, distances } = await session.run({ pair, pass: 'measure', loser });
  for (const [index, output] of OUTPUTS.entries()) {
    const y0 = base[output]!;
    const expected = byHand(y0, deltas(pair, index), POSITIONS[output]!(y0.length), { ...form, loser });
    const errors = expected.rows.flatMap((row, n) => row.map((value, c) => Math.abs(value - rows[output]![n]![c]!)));
    expect(Math.max(...errors)).toBeLessThan(tolerance);
    // The map shows the layer's means, however fine the choices.
    expected.distances.forEach((value, k) => expect(Math.abs(distances![2 * index + k]! - value)).toBeLessThan(tolerance));
  }
}

const SCOPES = ['layer', 'half', 'position'] as const;
const LOSERS = [0, 0.4];
const FORMS: Partial<Case>[] = [
  ...(['channels', 'positions'] as const).flatMap((axis) =>
    (['forward', 'reverse', 'symmetric'] as const).map((direction) => ({ axis, direction })),
  ),
  { measures: 'l2' },
  { measures: 'cosine' },
];
const CASES = FORMS.flatMap((form) =>
  SCOPES.filter((scope) => scope !== 'position' || form.axis !== 'positions').flatMap((scope) =>
    LOSERS.map((loser): Case => ({ ...EXACT, ...form, scope, loser })),
  ),
);

describe('a graph that measures', () => {
  it.each(CASES)('by $measures over $axis, $direction, for each $scope, with $loser of the loser', (how) =>
    expectByHand(how, PAIR, { precision: 'float32', tolerance: 2e-5 }),
  );

  it.each(SCOPES)('for each %s applies a lone LoRA in full', (scope) =>
    expectByHand({ ...EXACT, scope, loser: 0.4 }, LONE, { precision: 'float32', tolerance: 2e-5 }),
  );

  it.each([{ scope: 'layer' }, { scope: 'half' }, { scope: 'half', axis: 'positions' }, { scope: 'half', measures: 'l2' }] as const)(
    'at every fourth position only, with %o',
    (how) => expectByHand({ ...EXACT, ...how, stride: 4, loser: 0.4 }, PAIR, { precision: 'float32', tolerance: 2e-5 }),
  );

  it.each([...SCOPES.map((scope) => ({ scope })), { axis: 'positions' }, { direction: 'symmetric' }] as const)(
    'in half precision, with %o',
    (how) => expectByHand({ ...EXACT, ...how, loser: 0.4 }, PAIR, { precision: 'float16', tolerance: 1e-2 }),
  );

  it.each(OUTPUTS)('chooses otherwise in parts of %s than as a whole, or these cases would show nothing', async (output) => {
    const chosen = await Promise.all(
      SCOPES.map(async (scope) => {
        const session = await FusedSession.of({ measures: 'kl', scope, applies: false });
        return JSON.stringify((await session.run({ pair: PAIR, pass: 'measure' })).rows[output]);
      }),
    );
    // An image of the Gemm has one position.
    expect(new Set(chosen).size).toBe(output === 'gemm' ? 2 : 3);
  });
});

describe('a graph that applies what was measured before', () => {
  let session: FusedSession;
  let base: Record<string, Matrix>;
  beforeAll(async () => {
    session = await FusedSession.of({ measures: 'kl', applies: true });
    base = await baseRows();
  });

  it.each([
    ['subject', PAIR, [1, 0.4]],
    ['style', PAIR, [0.4, 1]],
    ['both', PAIR, [1, 1]],
    ['neither', PAIR, [0, 0]],
  ] as const)('applies %s, and 0.4 of the one that lost', async (slot, pair, gates) => {
    const { rows } = await session.run({ pair, pass: () => slot, loser: 0.4 });
    for (const [index, output] of OUTPUTS.entries()) {
      const expected = fusedByHand(base[output]!, deltas(pair, index), gates);
      const errors = expected.flatMap((row, n) => row.map((value, c) => Math.abs(value - rows[output]![n]![c]!)));
      expect(Math.max(...errors)).toBeLessThan(2e-5);
    }
  });
});

describe('a session of one form', () => {
  it.each([{ axis: 'positions' }, { direction: 'reverse' }, { scope: 'half' }, { stride: 2 }] as const)(
    'is another graph with %o',
    (how) => {
      const exact = { measures: 'kl', applies: false } as const;
      expect(formCovers({ ...exact, ...how }, exact)).toBe(false);
      expect(formCovers({ ...exact, ...how }, { ...exact, ...how })).toBe(true);
    },
  );
});

describe('settings that cannot go together', () => {
  it.each([
    [{ scope: 'position', stride: 4 }, 'scope', /set stride to 1 and axis to channels/u],
    [{ scope: 'position', axis: 'positions' }, 'scope', /set stride to 1 and axis to channels/u],
    [{ scope: 'half', every: 2 }, 'scope', /set every to 1/u],
    [{ loser: 1.5 }, 'loser', /<=1/u],
  ] as const)('%o', (settings, field, reason) => {
    const { issues } = v.safeParse(RuleSettings, settings);
    expect(issues?.map((issue) => v.getDotPath(issue))).toEqual([field]);
    expect(issues![0].message).toMatch(reason);
  });
});
