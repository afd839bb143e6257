import { cp, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const PAGE = join(import.meta.dirname, 'docs');
const SWAGGER = dirname(fileURLToPath(import.meta.resolve('swagger-ui-dist/package.json')));

/** The page at /docs, under `dist`: Swagger UI as its package has it, with its licence, and the few lines that start it. */
export async function buildDocs(dist: string): Promise<void> {
  const assets = join(dist, 'docs/assets');
  await mkdir(assets, { recursive: true });
  for (const name of ['swagger-ui-bundle.js', 'swagger-ui.css', 'LICENSE', 'NOTICE']) await cp(join(SWAGGER, name), join(assets, name));
  await cp(join(PAGE, 'docs.html'), join(dist, 'docs.html'));
  await cp(join(PAGE, 'docs.css'), join(assets, 'docs.css'));
  await build({ entryPoints: [join(PAGE, 'docs.ts')], outfile: join(assets, 'docs.js'), format: 'esm', target: 'es2022', minify: true });
}
