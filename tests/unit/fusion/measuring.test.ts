import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import type { LoraPair } from '../../../shared/fusion/factors.ts';
import { formCovers } from '../../../shared/fusion/fused-form.ts';
import { type Measuring, RuleSettings } from '../../../shared/rules.ts';
import { divergence, fused as fusedByHand, type Matrix } from './reference.ts';
import { baseRows, FusedSession, OUTPUTS } from './run-fused.ts';
import { applied, denseDelta, lora, pairOf } from './tiny-loras.ts';

const PAIR = pairOf(lora(30, [2, 3, 2]), lora(60, [4, 1, 3]), [1, 1.1]);

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

/** The mean divergence over one image's rows [positions][channels]; one position has no softmax over positions. */
function distance(y0: Matrix, d: Matrix, { axis, direction }: Pick<Measuring, 'axis' | 'direction'>): number {
  const along = axis === 'positions' && y0.length > 1 ? transposed : (rows: Matrix) => rows;
  const [base, change] = [along(y0), along(d)];
  return mean(base.map((row, k) => divergence(row, change[k]!, direction)));
}

/** The layer's output by hand: every part chooses for itself. */
function byHand(y0: Matrix, [s, t]: [Matrix, Matrix], positions: number, how: Measuring, loser: number): Matrix {
  const images = [y0, s, t].map((rows) => slices(rows, positions));
  const [bases, subjects, styles] = images as [Matrix[], Matrix[], Matrix[]];
  const apart = bases.map((base, k) => [distance(base, subjects[k]!, how), distance(base, styles[k]!, how)] as const);
  const whole = [mean(apart.map(([a]) => a)), mean(apart.map(([, b]) => b))] as const;
  return bases.flatMap((base, k) => {
    const parts = how.scope === 'position' ? slices(base, 1) : [base];
    return parts.flatMap((part, p) => {
      const [ds, dt] = [subjects[k]!, styles[k]!].map((rows) => (how.scope === 'position' ? [rows[p]!] : rows)) as [Matrix, Matrix];
      const [a, b] = how.scope === 'layer' ? whole : [distance(part, ds, how), distance(part, dt, how)];
      return fusedByHand(part, [ds, dt], a >= b ? [1, loser] : [loser, 1]);
    });
  });
}

const CASES = (['channels', 'positions'] as const).flatMap((axis) =>
  (['forward', 'reverse', 'symmetric'] as const).flatMap((direction) =>
    (['layer', 'half', 'position'] as const)
      .filter((scope) => scope !== 'position' || axis === 'channels')
      .flatMap((scope) => [0, 0.4].map((loser) => ({ axis, direction, scope, loser }))),
  ),
);

describe('a graph that measures by kl', () => {
  it.each(CASES)('over $axis, $direction, for each $scope, with $loser of the loser', async ({ loser, ...how }) => {
    const base = await baseRows();
    const session = await FusedSession.of({ measures: 'kl', ...how, applies: false });
    const { rows, distances } = await session.run({ pair: PAIR, pass: 'measure', loser });
    for (const [index, output] of OUTPUTS.entries()) {
      const y0 = base[output]!;
      const positions = POSITIONS[output]!(y0.length);
      const changes = deltas(PAIR, index);
      const expected = byHand(y0, changes, positions, { ...how, stride: 1 }, loser);
      const errors = expected.flatMap((row, n) => row.map((value, c) => Math.abs(value - rows[output]![n]![c]!)));
      expect(Math.max(...errors)).toBeLessThan(2e-5);
      // The map shows the layer's means, however fine the choices.
      changes.forEach((d, k) => {
        const [images, moved] = [slices(y0, positions), slices(d, positions)];
        expect(distances![2 * index + k]).toBeCloseTo(mean(images.map((image, n) => distance(image, moved[n]!, how))), 5);
      });
    }
  });

  it('chooses otherwise in parts than as a whole, or these cases would show nothing', async () => {
    const outputs = await Promise.all(
      (['layer', 'half', 'position'] as const).map(async (scope) => {
        const session = await FusedSession.of({ measures: 'kl', scope, applies: false });
        return (await session.run({ pair: PAIR, pass: 'measure' })).rows['conv']!;
      }),
    );
    expect(outputs[2]).not.toEqual(outputs[0]);
    expect(new Set(outputs.map((rows) => JSON.stringify(rows))).size).toBeGreaterThanOrEqual(2);
  });

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
    [{ loser: 0.5, every: 2 }, 'loser', /set every to 1, or loser to 0/u],
    [{ loser: 1.5 }, 'loser', /<=1/u],
  ] as const)('%o', (settings, field, reason) => {
    const { issues } = v.safeParse(RuleSettings, settings);
    expect(issues?.map((issue) => v.getDotPath(issue))).toEqual([field]);
    expect(issues![0].message).toMatch(reason);
  });
});
