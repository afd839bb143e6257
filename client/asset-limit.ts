import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DiptychError } from '../shared/errors.ts';

/** What the platform takes for one static file (https://developers.cloudflare.com/workers/platform/limits/#static-assets). */
const MAX_ASSET_BYTES = 25 * 2 ** 20;

/**
 * Passes when every file under `folder` may be deployed. One that may not would fail the deploy, after its migrations have been applied.
 *
 * @throws `edge_not_ready` naming each file that is too large
 */
export async function checkAssetSizes(folder: string): Promise<void> {
  const names = await readdir(folder, { recursive: true });
  const sizes = await Promise.all(names.map(async (name) => ({ name, bytes: (await stat(join(folder, name))).size })));
  const large = sizes.filter(({ bytes }) => bytes > MAX_ASSET_BYTES);
  if (large.length === 0) return;
  const listed = large.map(({ name, bytes }) => `${name} (${bytes} bytes)`).join(', ');
  throw new DiptychError(
    'edge_not_ready',
    `The platform takes static files of ${MAX_ASSET_BYTES} bytes or fewer, not ${listed}. If they are onnxruntime’s, pin a version of onnxruntime-web whose builds are smaller.`,
    { files: large.map(({ name }) => name) },
  );
}
