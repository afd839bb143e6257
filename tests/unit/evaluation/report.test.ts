import { describe, expect, it } from 'vitest';
import { studyTables } from '../../../models-manifest/evaluation/report.ts';
import { type Scored, type Study, TRUTH } from '../../../models-manifest/evaluation/study.ts';

const scored = (variant: string, seed: number, prompt: number, subject: number, dino: number): Scored => ({
  variant,
  subject: 'pip',
  style: 'knit',
  prompt,
  seed,
  scores: {
    'judge subject': subject,
    'judge style': 1,
    'judge both': subject,
    dino,
    clip: dino / 2,
    gram: 1,
    prompt: 0.5,
    distance: 0.1,
    'subject share': 0.25,
  },
});

const STUDY: Study = {
  name: 'two',
  title: 'Two rules',
  about: '',
  seeds: 2,
  prompts: 2,
  variants: [
    { name: 'kl', request: { rule: 'kl' } },
    { name: 'guided', against: ['kl'], request: { rule: 'kl', guidance: {} } },
  ],
};

const PICTURES = [0, 1].flatMap((prompt) => [
  scored(TRUTH, 1, prompt, 1, 0.9),
  scored(TRUTH, 2, prompt, 1, 0.9),
  scored('kl', 1, prompt, 0, 0.2),
  scored('kl', 2, prompt, 1, 0.6),
  scored('guided', 1, prompt, 1, 0.3),
  scored('guided', 2, prompt, 1, 0.7),
]);

/** Of each line its name and, by column title, the number before the interval. */
function cells(table: string): Map<string, Map<string, string>> {
  const [titles, , ...lines] = table.split('\n').map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  return new Map(lines.map(([name, ...rest]) => [name!, new Map(rest.map((cell, k) => [titles![k + 1]!, cell.replace(/ \(.*/u, '')]))]));
}

describe('the table of a study', () => {
  const table = studyTables(STUDY, PICTURES);
  const rows = cells(table);

  it('has the means of the truth and of each variant', () => {
    expect([...rows.keys()]).toEqual([TRUTH, 'kl', 'guided', 'guided, less kl']);
    expect(rows.get('kl')!.get('subject, judge')).toBe('50.0 %');
    expect(rows.get('kl')!.get('subject, DINO')).toBe('0.400');
    expect(rows.get('guided')!.get('style, CLIP')).toBe('0.250');
    expect(rows.get('kl')!.get('to the subject')).toBe('25.0 %');
  });

  it.each([
    ['kl', 'HM', 3 / (2 + 1 + 2)],
    ['kl', 'HM of subject and style', 2 / (2 + 1)],
    ['guided', 'HM', 3 / (1 + 1 + 2)],
  ])('makes harmonic means of the means: %s, %s', (row, column, expected) => {
    expect(rows.get(row)!.get(column)).toBe(expected.toFixed(3));
  });

  it('tells differences on the same pair and seed, whatever the pictures are apart', () => {
    expect(rows.get('guided, less kl')!.get('subject, DINO')).toBe('+0.100');
    expect(table.split('\n').at(-1)).toContain('+0.100 (0.100 to 0.100)');
  });

  it('has a harmonic mean of 0 where nothing is right', () => {
    const none = PICTURES.map((one) => ({ ...one, scores: { ...one.scores, 'judge subject': 0 } }));
    expect(cells(studyTables(STUDY, none)).get('kl')!.get('HM')).toBe('0.000');
  });

  it('splits into the tables that a study names', () => {
    const split = studyTables(
      {
        ...STUDY,
        tables: [
          { title: 'Plain', rows: ['kl'] },
          { title: 'Guided', rows: ['kl', 'guided'] },
        ],
      },
      PICTURES,
    );
    expect(split.split('\n').filter((line) => line.startsWith('## '))).toEqual(['## Plain', '## Guided']);
    expect(split.split('## Guided')[0]).not.toContain('| guided');
  });
});
