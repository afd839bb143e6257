/** A study as Markdown. */
import { bootstrap, type Estimate } from './bootstrap.ts';
import { type Score, type Scored, SCORES, type Study, type Trials, TRUTH, type Variant } from './study.ts';

interface Column {
  title: string;
  /** From the mean of each score. */
  of(means: Readonly<Record<Score, number>>): number;
  percent?: boolean;
}

const mean = (score: Score) => (means: Readonly<Record<Score, number>>) => means[score];

const COLUMNS: readonly Column[] = [
  { title: 'HM', of: (m) => harmonic(m['judge subject'], m['judge style'], m.prompt) },
  { title: 'HM of subject and style', of: (m) => harmonic(m['judge subject'], m['judge style']) },
  { title: 'subject, judge', of: mean('judge subject'), percent: true },
  { title: 'style, judge', of: mean('judge style'), percent: true },
  { title: 'both, judge', of: mean('judge both'), percent: true },
  { title: 'prompt, judge', of: mean('prompt') },
  { title: 'subject, DINO', of: mean('dino') },
  { title: 'style, CLIP', of: mean('clip') },
  { title: 'style, Gram', of: mean('gram') },
  { title: 'distance to truth', of: mean('distance') },
  { title: 'to the subject', of: mean('subject share'), percent: true },
];

/** 0 where one is 0 or less. */
const harmonic = (...values: readonly number[]): number =>
  values.some((value) => value <= 0) ? 0 : values.length / values.reduce((sum, value) => sum + 1 / value, 0);

/** The tables of a study: each row's means, and below them what its variants differ from those that they are compared with. */
export function studyTables(study: Study, scored: readonly Scored[]): string {
  const byVariant = Map.groupBy(scored, ({ variant }) => variant);
  const samples = new Map([...byVariant].map(([variant, of]) => [variant, samplesOf(of)]));
  const tables = study.tables ?? [{ title: '', rows: [TRUTH, ...study.variants.map(({ name }) => name)] }];
  return tables
    .map(({ title, rows }) => {
      const variants = rows.flatMap((row) => study.variants.filter(({ name }) => name === row));
      return [...(title ? [`## ${title}\n`] : []), means(rows, samples), ...differences(variants, samples)].join('\n');
    })
    .join('\n\n');
}

type Samples = ReadonlyMap<string, readonly (readonly number[])[]>;

/** A row a pair and seed, with the mean of each score over its prompts: those share their noise, so they are one sample. */
function samplesOf(scored: readonly Scored[]): number[][] {
  const groups = [...Map.groupBy(scored, ({ subject, style, seed }) => `${subject} ${style} ${seed}`).values()];
  return groups.map((group) => SCORES.map((score) => group.reduce((sum, { scores }) => sum + scores[score], 0) / group.length));
}

const asColumns = (values: readonly number[]): number[] => {
  const scores = Object.fromEntries(SCORES.map((score, k) => [score, values[k]!])) as Record<Score, number>;
  return COLUMNS.map(({ of }) => of(scores));
};

function means(rows: readonly string[], samples: Samples): string {
  const lines = rows.map((name) => row(name, bootstrap(samples.get(name)!, asColumns)));
  return [`| | ${COLUMNS.map(({ title }) => title).join(' | ')} |`, `| --- |${' --- |'.repeat(COLUMNS.length)}`, ...lines].join('\n');
}

/** On the same pairs, prompts and seeds. */
function differences(variants: readonly Variant[], samples: Samples): string[] {
  return variants.flatMap(({ name, against = [] }) =>
    against.map((other) => {
      const both = samples.get(name)!.map((values, k) => [...values, ...samples.get(other)![k]!]);
      const difference = (values: readonly number[]) => {
        const [one, two] = [asColumns(values.slice(0, SCORES.length)), asColumns(values.slice(SCORES.length))];
        return one.map((value, k) => value - two[k]!);
      };
      return row(`${name}, less ${other}`, bootstrap(both, difference), true);
    }),
  );
}

const row = (name: string, estimates: readonly Estimate[], signed = false): string =>
  `| ${name} | ${estimates.map((estimate, k) => text(COLUMNS[k]!, estimate, signed)).join(' | ')} |`;

function text({ percent = false }: Column, { value, low, high }: Estimate, signed: boolean): string {
  const number = (x: number) => (percent ? (100 * x).toFixed(1) : x.toFixed(3));
  const sign = signed && value > 0 ? '+' : '';
  return `${sign}${number(value)}${percent ? ' %' : ''} (${number(low)} to ${number(high)})`;
}

/** What the numbers of a study are means of. */
export function protocol({ pairs, prompts, seeds, steps }: Trials): string {
  const pictures = pairs.length * prompts * seeds.length;
  return `${pairs.length} pairs x ${prompts} prompt${prompts > 1 ? 's' : ''} x ${seeds.length} seeds, ${steps} steps: ${pictures} pictures a row, the same noise in every row`;
}
