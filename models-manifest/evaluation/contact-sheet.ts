import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { decode } from 'fast-png';
import { encodePng } from '../cli/image/encode-png.ts';
import { strip } from './strip.ts';
import { type Pair } from './study.ts';

/** One variant's pictures of the first prompt and seed, PNG in base64, a pair each. */
export interface SheetRow {
  name: string;
  samples: ReadonlyMap<Pair, string>;
}

/**
 * A picture a row in `folder`, and the Markdown table that shows them. Columns are some of the pairs, each subject and each style in turn.
 *
 * @param folder is emptied first
 * @param link from the Markdown file to `folder`
 */
export async function writeContactSheet(folder: string, link: string, rows: readonly SheetRow[], pairs: readonly Pair[]): Promise<string> {
  const shown = someOf(pairs);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const lines: string[] = [];
  for (const { name, samples } of rows) {
    const file = `${name.replaceAll(/[^a-z0-9.]+/giu, '-')}.png`;
    await writeFile(path.join(folder, file), encodePng(strip(shown.map((pair) => readSample(samples.get(pair)!)))));
    lines.push(`| ${name} | ![${name}](${link}/${file}) |`);
  }
  const columns = shown.map(({ subject, style }) => `${subject.id} x ${style.id}`).join(', ');
  return [`| | ${columns} |`, '| --- | --- |', ...lines].join('\n');
}

/** Every pair of the n-th subject with the n-th and the next style. */
function someOf(pairs: readonly Pair[]): Pair[] {
  const [subjects, styles] = [distinct(pairs.map(({ subject }) => subject)), distinct(pairs.map(({ style }) => style))];
  return pairs.filter(({ subject, style }) => {
    const ahead = (styles.indexOf(style) - subjects.indexOf(subject) + styles.length) % styles.length;
    return ahead < 2;
  });
}

const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];

function readSample(base64: string) {
  const { width, height, data } = decode(Buffer.from(base64, 'base64'));
  const rgba = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let i = 0; i < width * height; i++) rgba.set(data.subarray(3 * i, 3 * i + 3), 4 * i);
  return { width, height, data: rgba };
}
