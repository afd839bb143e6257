/** Builds everything that the edge serves as files: `client/dist`. Run it by itself, or call `build`. */
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip as gzipCallback } from 'node:zlib';
import { type BuildOptions, build as bundle, type Metafile } from 'esbuild';
import { checkAssetSizes } from './asset-limit.ts';
import { buildAdmin } from './build-admin.ts';
import { buildDocs } from './build-docs.ts';
import { staticHeaders } from './static-headers.ts';

const gzip = promisify(gzipCallback);
const ROOT = join(import.meta.dirname, '..');
const ORT = join(ROOT, 'node_modules/onnxruntime-web');
export const DIST = join(ROOT, 'client/dist');

/** The three builds of onnxruntime-web that the engine chooses from, and the name of each one's WebAssembly. */
const ORT_BUILDS = { jspi: 'ort-wasm-simd-threaded.jspi', asyncify: 'ort-wasm-simd-threaded.asyncify', wasm: 'ort-wasm-simd-threaded' };

/** What was bundled, as esbuild tells it; paths are relative to the repository. */
export interface Built {
  loader: Metafile;
  /** The studio page and the engine's worker, with the chunks that they share. */
  studio: Metafile;
}

export async function build(): Promise<Built> {
  await rm(DIST, { recursive: true, force: true });
  const embed = join(DIST, 'embed');
  const version = JSON.parse(await readFile(join(ORT, 'package.json'), 'utf8')).version as string;
  const loader = await bundleModules({ entryPoints: { v1: join(ROOT, 'client/embed/loader.ts') }, outdir: embed });
  const studio = await bundleModules({
    entryPoints: { studio: join(ROOT, 'client/embed/studio/studio.ts'), engine: join(ROOT, 'client/engine/worker.ts') },
    outdir: join(embed, 'assets'),
    splitting: true,
    chunkNames: 'chunk-[hash]',
    // onnxruntime's code without its WebAssembly glue, which it loads from our own server.
    conditions: ['onnxruntime-web-use-extern-wasm'],
    define: { ORT_VERSION: JSON.stringify(version), ORT_BYTES: JSON.stringify(await runtimeBytes()) },
  });
  await copyFiles(embed, version);
  await buildDocs(DIST);
  await buildAdmin(DIST);
  await checkAssetSizes(DIST);
  return { loader, studio };
}

async function bundleModules(options: BuildOptions): Promise<Metafile> {
  const { metafile } = await bundle({
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    sourcemap: 'linked',
    metafile: true,
    absWorkingDir: ROOT,
    logLevel: 'warning',
    ...options,
  });
  return metafile!;
}

/** Bytes of each of onnxruntime's builds as they travel: the edge compresses them. */
async function runtimeBytes(): Promise<Record<keyof typeof ORT_BUILDS, number>> {
  const sizes = Object.entries(ORT_BUILDS).map(async ([name, file]) => {
    const [wasm, glue] = await Promise.all(runtimeFiles(file).map(async (path) => (await gzip(await readFile(path))).length));
    return [name, wasm! + glue!] as const;
  });
  return Object.fromEntries(await Promise.all(sizes)) as Record<keyof typeof ORT_BUILDS, number>;
}

function runtimeFiles(file: string): string[] {
  return [join(ORT, 'dist', `${file}.wasm`), join(ORT, 'dist', `${file}.mjs`)];
}

async function copyFiles(embed: string, version: string): Promise<void> {
  const ort = join(embed, 'ort', version);
  await mkdir(ort, { recursive: true });
  for (const path of Object.values(ORT_BUILDS).flatMap(runtimeFiles)) await cp(path, join(ort, basename(path)));
  const page = join(ROOT, 'client/embed/studio');
  await cp(join(page, 'studio.html'), join(embed, 'studio.html'));
  await cp(join(page, 'studio.css'), join(embed, 'assets/studio.css'));
  await writeFile(join(DIST, '_headers'), staticHeaders());
}

if (import.meta.main) {
  await build();
  console.log(`Built ${DIST}`);
}
