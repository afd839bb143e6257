/** Builds the client and prints what a visitor loads of our own code, gzipped; exits 1 when a part is over its budget. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Metafile } from 'esbuild';
import { build } from './build.ts';

const ROOT = join(import.meta.dirname, '..');
const RUNTIME = '/onnxruntime-web/';

/** The scripts of one build without those that are onnxruntime's. */
function ownScripts({ outputs }: Metafile): string[] {
  return Object.entries(outputs)
    .filter(([path, { inputs }]) => path.endsWith('.js') && !Object.keys(inputs).some((input) => input.includes(RUNTIME)))
    .map(([path]) => path);
}

async function gzipped(path: string): Promise<number> {
  return gzipSync(await readFile(join(ROOT, path)), { level: 9 }).length;
}

/** Prints each script and the sum. Returns whether the sum is within `budget` bytes. */
async function report(name: string, metafile: Metafile, budget: number): Promise<boolean> {
  let sum = 0;
  for (const path of ownScripts(metafile)) {
    const size = await gzipped(path);
    sum += size;
    console.log(`  ${kilobytes(size).padStart(9)}  ${path}`);
  }
  const fits = sum <= budget;
  console.log(`${fits ? 'ok  ' : 'OVER'} ${name}: ${kilobytes(sum)} gzip of ${kilobytes(budget)}`);
  return fits;
}

const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(1)} KB`;

const { loader, studio } = await build();
const fits = [await report('loader', loader, 10_000), await report('studio and engine, without onnxruntime', studio, 120_000)];
if (fits.includes(false)) process.exitCode = 1;
