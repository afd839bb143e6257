import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const WORKER = fileURLToPath(new URL('../../../worker', import.meta.url));

/** The names of events in the Worker's calls of `logLine`, `logError` and `logRun`. */
async function writtenEvents(): Promise<string[]> {
  const files = (await readdir(WORKER, { recursive: true })).filter((name) => name.endsWith('.ts'));
  const sources = await Promise.all(files.map((name) => readFile(join(WORKER, name), 'utf8')));
  const calls = sources.flatMap((source) => [...source.matchAll(/\b(?:logLine\([^,]+, |log(?:Error|Run)\()'(\w+)'/g)]);
  return [...new Set(calls.map(([, event]) => event!))].toSorted();
}

test('docs/operate.md lists every event that the log can have', async () => {
  const page = await readFile(new URL('../../../docs/operate.md', import.meta.url), 'utf8');
  const row = page.split('\n').find((line) => line.startsWith('| `event` |'))!;
  const listed = [...row.replace('`event`', '').matchAll(/`(\w+)`/g)].map(([, name]) => name!);
  const written = await writtenEvents();
  expect(written.length).toBeGreaterThan(5);
  expect(listed.toSorted()).toEqual(written);
});

test('nothing of the Worker writes to the console but by these', async () => {
  const files = (await readdir(WORKER, { recursive: true })).filter((name) => name.endsWith('.ts') && name !== join('logging', 'log.ts'));
  const writing = await Promise.all(
    files.map(async (name) => ((await readFile(join(WORKER, name), 'utf8')).includes('console.') ? [name] : [])),
  );
  expect(writing.flat()).toEqual([]);
});
