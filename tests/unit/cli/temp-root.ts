import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';

/** A folder for one test file, gone after it. To be called where the file is collected. */
export function tempRoot(): string {
  const root = mkdtempSync(path.join(tmpdir(), 'diptych-test-'));
  afterAll(() => rmSync(root, { recursive: true }));
  return root;
}
