import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { decode } from 'fast-png';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

/** Pixels of a PNG: RGB or RGBA rows, 8 bits a channel. */
export interface Pixels {
  width: number;
  height: number;
  channels: number;
  data: ArrayLike<number>;
}

export const readPng = (bytes: Uint8Array): Pixels => decode(bytes);

/** The picture that `diptych generate` makes on this machine, with the demo's store. */
export async function generateOnCommandLine(folder: string, options: Record<string, string>): Promise<Pixels> {
  const out = join(folder, 'command-line.png');
  const flags = Object.entries({ ...options, out }).flatMap(([name, value]) => [`--${name}`, value]);
  await run(process.execPath, [join(ROOT, 'models-manifest/cli/bin.mjs'), 'generate', ...flags], { cwd: ROOT });
  return readPng(await readFile(out));
}

/** Mean absolute difference of the colour channels, of 255. */
export function meanDifference(one: Pixels, other: Pixels): number {
  if (one.width !== other.width || one.height !== other.height) throw new Error('the pictures differ in size');
  const pixels = one.width * one.height;
  let sum = 0;
  for (let pixel = 0; pixel < pixels; pixel++)
    for (let channel = 0; channel < 3; channel++)
      sum += Math.abs(one.data[pixel * one.channels + channel]! - other.data[pixel * other.channels + channel]!);
  return sum / (pixels * 3);
}
