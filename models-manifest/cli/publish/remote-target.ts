import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { PublishTarget } from './target.ts';
import { wrangler } from './wrangler.ts';

const BUCKET = 'diptych-weights';

/** The operator's own bucket, through wrangler and its login. Every file is sent: wrangler cannot ask whether one is there. */
export async function openRemoteTarget(): Promise<PublishTarget> {
  const folder = await mkdtemp(path.join(tmpdir(), 'diptych-publish-'));
  return {
    name: `the bucket ${BUCKET}`,
    has: async () => false,
    async put(key, bytes, contentType) {
      const file = path.join(folder, 'object');
      await writeFile(file, bytes);
      await wrangler('r2', 'object', 'put', `${BUCKET}/${key}`, '--file', file, '--content-type', contentType, '--remote');
    },
    close: () => rm(folder, { recursive: true }),
  };
}
