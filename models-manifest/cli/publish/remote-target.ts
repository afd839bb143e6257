import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type EnvironmentName, readEnvironment } from '../deploy/environment.ts';
import type { PublishTarget } from './target.ts';
import { wrangler } from './wrangler.ts';

/** An environment's bucket, through wrangler and its login. Every file is sent: wrangler cannot ask whether one is there. */
export async function openRemoteTarget(environment: EnvironmentName): Promise<PublishTarget> {
  const { buckets } = await readEnvironment(environment);
  const bucket = buckets['WEIGHTS']!;
  const folder = await mkdtemp(path.join(tmpdir(), 'diptych-publish-'));
  return {
    name: `the bucket ${bucket}`,
    has: async () => false,
    async put(key, bytes, contentType) {
      const file = path.join(folder, 'object');
      await writeFile(file, bytes);
      await wrangler('r2', 'object', 'put', `${bucket}/${key}`, '--file', file, '--content-type', contentType, '--remote');
    },
    close: () => rm(folder, { recursive: true }),
  };
}
