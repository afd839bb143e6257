import type { Outcome } from './run.ts';

const number = (value: number | undefined): string => (value === undefined ? '-' : value.toExponential(2)).padStart(9);
const count = (layers: string[] | undefined): string => (layers === undefined ? '-' : String(layers.length)).padStart(7);

export const HEADING = `${'golden'.padEnd(38)} ${'max error'.padStart(9)} ${'tolerance'.padStart(9)} ${'KL error'.padStart(9)} ${'choices'.padStart(7)}  verdict`;

/** One outcome as one line of the table; `choices` counts the layers whose choice differs. */
export function lineOf(outcome: Outcome): string {
  const { name, maxAbsError, tolerance, klError, choicesDiffer, klOff, reason, status } = outcome;
  const detail = reason ?? [...new Set([...(choicesDiffer ?? []), ...(klOff ?? [])])].slice(0, 3).join(', ');
  return `${name.padEnd(38)} ${number(maxAbsError)} ${number(tolerance)} ${number(klError)} ${count(choicesDiffer)}  ${status}${detail ? `  (${detail})` : ''}`;
}
