import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { wrangler } from '../publish/wrangler.ts';
import type { EnvironmentName } from './environment.ts';

/** The platform takes 3 MiB on its free plan and 10 MiB on the paid one; ours stays well below, for what is small starts fast. */
export const MAX_BUNDLE_BYTES = 1 << 20;

/** How large the Worker is as it is uploaded, gzipped. Bundles it as a deploy would, and uploads nothing. */
export async function bundleBytes(environment: EnvironmentName): Promise<number> {
  const folder = await mkdtemp(path.join(tmpdir(), 'diptych-bundle-'));
  try {
    await wrangler('deploy', '--dry-run', '--env', environment, '--outdir', folder);
    const files = (await readdir(folder)).filter((name) => /\.(js|mjs|wasm)$/.test(name));
    const sizes = files.map(async (name) => gzipSync(await readFile(path.join(folder, name))).length);
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  } finally {
    await rm(folder, { recursive: true });
  }
}
