import { mkdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { DIST } from '../../../client/build.ts';
import { bundleBytes, MAX_BUNDLE_BYTES } from '../../../models-manifest/cli/deploy/bundle.ts';

test('the Worker that is uploaded is under 1 MiB gzip', async () => {
  // Wrangler wants the folder of static files to be there, built or not; they are no part of the bundle.
  await mkdir(DIST, { recursive: true });
  const bytes = await bundleBytes('production');
  expect(bytes).toBeGreaterThan(10_000);
  expect(bytes).toBeLessThan(MAX_BUNDLE_BYTES);
});
