import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { requireConfig } from '../../../models-manifest/cli/pipeline/read-config.ts';
import { SchedulerConfig } from '../../../shared/manifest.ts';
import { tempRoot } from './temp-root.ts';

const root = tempRoot();

// Python's json writes infinity as no JSON reader takes it; configs of DPM-Solvers have it.
test.each([
  ['in the middle', '{"lambda_min_clipped": -Infinity, "solver_order": 2}'],
  ['at the end', '{"solver_order": 2,\n "lambda_min_clipped": -Infinity\n}'],
])('a config with an infinity %s is read', async (_, text) => {
  await writeFile(path.join(root, 'scheduler.json'), text);
  expect(await requireConfig(root, 'scheduler.json', SchedulerConfig)).toMatchObject({ solver_order: 2 });
});
