import { MEASURES, type MeasureName, SHARES, type Totals } from '../../shared/analytics.ts';
import { SUMS } from '../telemetry/roll-up.ts';

/** Sums by name that make up the measures. Of two sets of rows they can simply be added. */
export type Sums = Readonly<Record<string, number>>;

/** How one of them is read from rows of `telemetry_hours`. */
interface MeasureSum {
  name: string;
  /** Column of `telemetry_hours`. */
  column: string;
  event: string | undefined;
  codes: readonly string[];
}

type Definition = { event: string | undefined; sum: string; mean?: true; codes?: readonly string[] };

const measures = Object.entries(MEASURES) as [MeasureName, Definition][];

const countOf = (name: string): string => `${name}_n`;

function sumsOf(name: string, { event, sum, mean, codes = [] }: Definition): MeasureSum[] {
  const rolled = SUMS.find((each) => each.name === sum);
  const total = { name, column: rolled?.total ?? sum, event, codes };
  return mean && rolled ? [total, { name: countOf(name), column: rolled.count, event, codes }] : [total];
}

export const MEASURE_SUMS: readonly MeasureSum[] = measures.flatMap(([name, measure]) => sumsOf(name, measure));

export const NO_SUMS: Sums = Object.fromEntries(MEASURE_SUMS.map(({ name }) => [name, 0]));

export const addSums = (one: Sums, other: Sums): Sums =>
  Object.fromEntries(MEASURE_SUMS.map(({ name }) => [name, one[name]! + other[name]!]));

/** The measures and shares that sums make up. */
export function totalsOf(sums: Sums): Totals {
  const totals: Record<string, number | null> = {};
  for (const [name, { sum, mean }] of measures) {
    const scale = SUMS.find((each) => each.name === sum)?.scale ?? 1;
    totals[name] = mean ? quotient(sums[name]! / scale, sums[countOf(name)]!) : sums[name]!;
  }
  const add = (names: readonly MeasureName[]): number => names.reduce((sum, name) => sum + sums[name]!, 0);
  for (const [name, { of, over }] of Object.entries(SHARES)) totals[name] = quotient(add(of), add(over));
  return totals as Totals;
}

const quotient = (dividend: number, divisor: number): number | null => (divisor === 0 ? null : dividend / divisor);
