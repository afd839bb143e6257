/** `npm test`: the checks, then every test project. What a test needs (the client's files, the demo's store) it makes itself. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from '../client/build.ts';
import { check } from './check.ts';

interface Summary {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
}

const checked = check();
await build();
const report = path.join(mkdtempSync(path.join(tmpdir(), 'diptych-tests-')), 'report.json');
const { status } = spawnSync(
  'vitest',
  ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, 'utf8')) as Summary;
console.log(`\n${numPassedTests} passed, ${numFailedTests + (checked ? 0 : 1)} failed, ${numPendingTests} skipped`);
process.exitCode = checked && status === 0 ? 0 : 1;
