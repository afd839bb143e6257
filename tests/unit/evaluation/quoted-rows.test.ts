/** Tables elsewhere in the documentation quote rows of the evaluation, some columns of each: they are to say what it says now. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const DOCS = path.join(import.meta.dirname, '../../../docs');
const INTERVAL = /\(-?[\d.]+ to -?[\d.]+\)/u;

/** Rows with intervals, by their first cell: those cells. */
async function rowsOf(file: string): Promise<[string, string[]][]> {
  const lines = (await readFile(path.join(DOCS, file), 'utf8')).split('\n').filter((line) => line.startsWith('| '));
  const rows = lines.map((line): [string, string[]] => {
    const [name = '', ...cells] = line.replaceAll('`', '').slice(1, -1).split('|');
    return [name.trim(), cells.map((cell) => cell.trim()).filter((cell) => INTERVAL.test(cell))];
  });
  return rows.filter(([, cells]) => cells.length > 0);
}

describe.each(['rules.md', 'guidance.md'])('docs/%s', (file) => {
  it('quotes the evaluation as it is', async () => {
    const made = Map.groupBy([...(await rowsOf('evaluation/rules.md')), ...(await rowsOf('evaluation/settings.md'))], ([name]) => name);
    const quoted = (await rowsOf(file)).flatMap(([name, cells]) => cells.map((cell) => [name, cell] as const));
    expect(quoted.length).toBeGreaterThan(10);
    for (const [name, cell] of quoted)
      expect(
        made.get(name)?.flatMap(([, all]) => all),
        `${name}: ${cell}`,
      ).toContain(cell);
  });
});
