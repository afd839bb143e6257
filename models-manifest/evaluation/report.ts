/** A study as a Markdown table. */
import { bootstrap, type Estimate } from './bootstrap.ts';
import { type Score, type Scored, SCORES } from './run-study.ts';

/** Means a variant with 95 % intervals, and below them the paired differences from the first one. */
export function studyTable(scored: readonly Scored[]): string {
  const variants = [...new Set(scored.map(({ variant }) => variant))];
  const of = (variant: string, score: Score) => scored.filter((one) => one.variant === variant).map(({ scores }) => scores[score]);
  const base = variants[0]!;
  const means = variants.map((variant) => row(variant, (score) => text(score, bootstrap(of(variant, score)))));
  const differences = variants.slice(1).map((variant) =>
    row(`${variant} less ${base}`, (score) => {
      const [ours, theirs] = [of(variant, score), of(base, score)];
      return text(score, bootstrap(ours.map((value, i) => value - theirs[i]!)), true);
    }),
  );
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
