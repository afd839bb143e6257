import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');
const PAGE = join(import.meta.dirname, 'admin');
/** What the page's HTML names, and what it is made of. */
const ENTRIES = ['admin.ts', 'admin.css'];

/** The page at /admin, under `dist`: its script and style sheet are named by their content, so that browsers may keep them for ever. */
export async function buildAdmin(dist: string): Promise<void> {
  const { metafile } = await build({
    entryPoints: ENTRIES.map((name) => join(PAGE, name)),
    outdir: join(dist, 'admin/assets'),
    entryNames: '[name]-[hash]',
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    sourcemap: 'linked',
    metafile: true,
    absWorkingDir: ROOT,
    logLevel: 'warning',
  });
  let html = await readFile(join(PAGE, 'admin.html'), 'utf8');
  for (const [path, { entryPoint }] of Object.entries(metafile.outputs)) {
    if (!entryPoint) continue;
    const named = `/admin/assets/${basename(entryPoint).replace(/\.ts$/, '.js')}`;
    html = html.replace(named, `/admin/assets/${basename(path)}`);
  }
  await writeFile(join(dist, 'admin.html'), html);
}
