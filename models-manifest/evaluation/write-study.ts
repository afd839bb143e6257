import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pairsSheet, type SheetRow, writeContactSheet } from './contact-sheet.ts';
import { protocol, studyTables } from './report.ts';
import { type CellResult, type Pair, type Study, type Trials, TRUTH } from './study.ts';

export const OUT = path.join(import.meta.dirname, '../../docs/evaluation');

/**
 * Writes STUDY.md, every picture's scores in STUDY.json, the contact sheet in STUDY/, and STUDY.time.md: time is all that differs from run to run, so
 * it has a file of its own.
 *
 * @param results of the ground truth and of each variant, a pair each
 * @returns the Markdown
 */
export async function writeStudy(study: Study, trials: Trials, results: readonly CellResult[], out: string): Promise<string> {
  const { name, variants, about } = study;
  const scored = results.flatMap((result) => result.scored);
  await mkdir(out, { recursive: true });
  const rows = [TRUTH, ...variants.map((variant) => variant.name)].map((row, k) => ({
    name: row,
    cells: results.slice(k * trials.pairs.length, (k + 1) * trials.pairs.length),
  }));
  const sheet = await writeContactSheet(
    path.join(out, name),
    name,
    rows.map((row) => sheetRow(row, trials.pairs)),
    trials.pairs,
  );
  const gallery = await writeGallery(study, rows, trials.pairs, out);
  const markdown = `# ${study.title}

${about}

${protocol(trials)}. Means with 95 % intervals of 10,000 bootstrap resamples of pairs and seeds. Made by \`npm run evaluate -- ${name}\`; every picture's scores are in [${name}.json](${name}.json), seconds in [${name}.time.md](${name}.time.md), what the columns
mean in [README.md](README.md).

${studyTables(study, scored)}
${gallery}
## Contact sheet
The first prompt and seed.

${sheet}
`;
  await writeFile(path.join(out, `${name}.md`), markdown);
  await writeFile(path.join(out, `${name}.json`), `[\n${scored.map((one) => JSON.stringify(one, sixDigits)).join(',\n')}\n]\n`);
  await writeFile(path.join(out, `${name}.time.md`), timeTable(name, trials, rows));
  return markdown;
}

/** The Markdown of a sheet of every pair by one variant; nothing where the study has no such sheet. */
async function writeGallery({ name, gallery }: Study, rows: readonly Row[], pairs: readonly Pair[], out: string): Promise<string> {
  const shown = rows.find((row) => row.name === gallery);
  if (!shown) return '';
  await writeFile(path.join(out, name, 'pairs.png'), pairsSheet(sheetRow(shown, pairs)));
  return `
## Every pair, by ${shown.name}
The first prompt and seed of each, none picked.

![${pairs.length} pictures by ${shown.name}: a subject a row, a style a column](${name}/pairs.png)
`;
}

/** What a table shows has four digits at most; the rest is weight to carry. */
const sixDigits = (_: string, value: unknown): unknown => (typeof value === 'number' ? Number(value.toPrecision(6)) : value);

interface Row {
  name: string;
  cells: readonly CellResult[];
}

const sheetRow = ({ name, cells }: Row, pairs: readonly Pair[]): SheetRow => ({
  name,
  samples: new Map(pairs.map((pair, k) => [pair, cells[k]!.sample])),
});

function timeTable(name: string, trials: Trials, rows: readonly Row[]): string {
  const lines = rows.flatMap(({ name: row, cells }) => {
    const seconds = cells.flatMap(({ milliseconds }) => milliseconds.map((ms) => ms / 1000)).toSorted((a, b) => a - b);
    const at = (share: number) => seconds[Math.floor(share * (seconds.length - 1))]!.toFixed(2);
    return row === TRUTH ? [] : [`| ${row} | ${at(0.5)} | ${at(0.1)} | ${at(0.9)} |`];
  });
  return `# ${name}: seconds a picture

On one core of the machine of the last run, everything loaded, ${trials.steps} steps: from the text encoder to the pixels.

| | median | 10th percentile | 90th percentile |
| --- | --- | --- | --- |
${lines.join('\n')}
`;
}
