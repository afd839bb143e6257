/** A study as a Markdown table. */
import { bootstrap, type Estimate } from './bootstrap.ts';
import { type Score, type Scored, SCORES, type Variant } from './run-study.ts';

/** Means a variant with 95 % intervals, and below them the paired differences of those that are compared. */
export function studyTable(variants: readonly Variant[], scored: readonly Scored[]): string {
  const of = (variant: string, score: Score) => scored.filter((one) => one.variant === variant).map(({ scores }) => scores[score]);
  const means = variants.map(({ name }) => row(name, (score) => text(score, bootstrap(of(name, score)))));
  const differences = variants.flatMap(({ name, against }) => {
    if (against === undefined) return [];
    const difference = (score: Score) => of(name, score).map((value, i) => value - of(against, score)[i]!);
    return [row(`${name}, less ${against}`, (score) => text(score, bootstrap(difference(score)), true))];
  });
  const head = [`| | ${SCORES.join(' | ')} |`, `| --- |${' --- |'.repeat(SCORES.length)}`];
  return [...head, ...means, ...differences].join('\n');
}

const row = (name: string, cell: (score: Score) => string): string => `| ${name} | ${SCORES.map(cell).join(' | ')} |`;

/** Verdicts in percent, cosines as they are. */
function text(score: Score, { mean, low, high }: Estimate, signed = false): string {
  const percent = score.startsWith('judge');
  const number = (value: number) => (percent ? (100 * value).toFixed(0) : value.toFixed(3));
  return `${signed && mean > 0 ? '+' : ''}${number(mean)}${percent ? ' %' : ''} (${number(low)} to ${number(high)})`;
}
