import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { LoraEntry } from '../../shared/manifest.ts';
import type { RgbaImage } from '../../shared/protocol.ts';
import { encodePng } from '../cli/image/encode-png.ts';
import { decodePng } from '../cli/image/read-png.ts';
import { grid } from './grid.ts';
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
    await writeFile(path.join(folder, file), encodePng(grid([shown.map((pair) => readBase64(samples.get(pair)!))])));
    lines.push(`| ${name} | ![${name}](${link}/${file}) |`);
  }
  const columns = shown.map(({ subject, style }) => `${subject.id} x ${style.id}`).join(', ');
  return [`| | ${columns} |`, '| --- | --- |', ...lines].join('\n');
}

/** One variant's pictures of every pair in a PNG: a row a subject, a column a style, with what the catalogue shows of each at the head. */
export function pairsSheet({ samples }: SheetRow): Uint8Array {
  const pairs = [...samples.keys()];
  const [subjects, styles] = [distinct(pairs.map(({ subject }) => subject)), distinct(pairs.map(({ style }) => style))];
  const pictureOf = (subject: LoraEntry, style: LoraEntry): RgbaImage | undefined => {
    const pair = pairs.find((one) => one.subject === subject && one.style === style);
    return pair && readBase64(samples.get(pair)!);
  };
  const rows = subjects.map((subject) => [thumbnail(subject), ...styles.map((style) => pictureOf(subject, style))]);
  return encodePng(grid([[undefined, ...styles.map(thumbnail)], ...rows]));
}

const thumbnail = ({ thumbnail: address }: LoraEntry): RgbaImage | undefined =>
  address === undefined ? undefined : readBase64(address.replace(/^.*,/u, ''));

/** Every pair of the n-th subject with the n-th and the next style. */
function someOf(pairs: readonly Pair[]): Pair[] {
  const [subjects, styles] = [distinct(pairs.map(({ subject }) => subject)), distinct(pairs.map(({ style }) => style))];
  return pairs.filter(({ subject, style }) => {
    const ahead = (styles.indexOf(style) - subjects.indexOf(subject) + styles.length) % styles.length;
    return ahead < 2;
  });
}

const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];

const readBase64 = (png: string): RgbaImage => decodePng(Buffer.from(png, 'base64'));
