/** Builds the client and prints what a visitor loads of our own code, gzipped; exits 1 when a part is over its budget. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Metafile } from 'esbuild';
import { build } from './build.ts';

const ROOT = join(import.meta.dirname, '..');
const RUNTIME = '/onnxruntime-web/';

/** The scripts of one build without those that are onnxruntime's: what everybody loads, and what only a dynamic import brings. */
function ownScripts({ outputs }: Metafile): { first: string[]; later: string[] } {
  const first = new Set<string>();
  const visit = (path: string): void => {
    if (first.has(path)) return;
    first.add(path);
    for (const { path: imported, kind } of outputs[path]!.imports) if (kind === 'import-statement') visit(imported);
  };
  // A dynamic import is an entry point too, by esbuild's account; only those of the build have a name of their own.
  for (const [path, { entryPoint }] of Object.entries(outputs)) if (entryPoint && !path.includes('/chunk-')) visit(path);
  const own = Object.keys(outputs).filter((path) => path.endsWith('.js') && !isRuntime(outputs[path]!.inputs));
  return { first: own.filter((path) => first.has(path)), later: own.filter((path) => !first.has(path)) };
}

const isRuntime = (inputs: object): boolean => Object.keys(inputs).some((input) => input.includes(RUNTIME));

async function gzipped(path: string): Promise<number> {
  return gzipSync(await readFile(join(ROOT, path)), { level: 9 }).length;
}

/** Prints each script and the sum. Returns whether the sum is within `budget` bytes. */
async function report(name: string, paths: readonly string[], budget: number): Promise<boolean> {
  let sum = 0;
  for (const path of paths) {
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
const { first, later } = ownScripts(studio);
const fits = [
  await report('loader', ownScripts(loader).first, 10_000),
  await report('studio and engine, without onnxruntime', first, 120_000),
  await report('with guidance switched on', later, 40_000),
];
if (fits.includes(false)) process.exitCode = 1;
