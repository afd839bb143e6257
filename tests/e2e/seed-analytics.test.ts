import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLocalPlatform } from '../../models-manifest/cli/publish/local-platform.ts';

const DAY_MS = 86_400_000;
let state: string;

beforeAll(async () => {
  state = await mkdtemp(path.join(tmpdir(), 'diptych-seed-'));
});
afterAll(() => rm(state, { recursive: true, force: true }));

async function seed(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ['models-manifest/cli/demo/seed-analytics.ts', '--state', state, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, output };
}

async function query(...statements: string[]): Promise<Record<string, unknown>[][]> {
  const { bindings, close } = await openLocalPlatform(state);
  try {
    const results: Record<string, unknown>[][] = [];
    for (const sql of statements) results.push((await bindings.DB.prepare(sql).all()).results);
    return results;
  } finally {
    await close();
  }
}

const COUNTS = `SELECT site, SUM(events) AS events, SUM(events) FILTER (WHERE event = 'view') AS views FROM telemetry_hours GROUP BY site ORDER BY site`;
const REAL_ROWS = [
  "INSERT INTO sites (id, name) VALUES ('real', 'Real')",
  "INSERT INTO telemetry_batches (site, batch, received) VALUES ('real', 'b', 1000)",
  "INSERT INTO telemetry_events (site, batch, position, at, event) VALUES ('real', 'b', 0, 1000, 'view')",
  "INSERT INTO telemetry_histograms VALUES ('real', 0, 'step', '', '', '', '', 0, 7)",
];
const REAL = `
  SELECT (SELECT COUNT(*) FROM sites WHERE id = 'real') AS sites, (SELECT COUNT(*) FROM telemetry_batches WHERE site = 'real') AS batches,
    (SELECT COUNT(*) FROM telemetry_events WHERE site = 'real') AS events, (SELECT SUM(events) FROM telemetry_histograms WHERE site = 'real') AS counted`;

test('seeds the local store, replaces what it seeded, and touches no other row', async () => {
  const first = await seed('--days', '40', '--visits', '400');
  expect(first.output).toContain('400 visits in 40 days');
  expect(first.output).toContain('npm start');
  expect(first.code).toBe(0);

  const now = Date.now();
  const oldest = now - (now % DAY_MS) - 30 * DAY_MS;
  const [counts, range, rawHours, rolledHours] = await query(
    COUNTS,
    `SELECT MIN(at) AS first, MAX(at) AS last FROM telemetry_events`,
    `SELECT site, at - at % 3600000 AS hour, COUNT(*) AS events FROM telemetry_events GROUP BY 1, 2 ORDER BY 1, 2`,
    `SELECT site, hour, SUM(events) AS events FROM telemetry_hours WHERE hour >= ${oldest} GROUP BY 1, 2 ORDER BY 1, 2`,
    ...REAL_ROWS,
  );
  expect(counts!.map(({ site }) => site)).toEqual(['seeded-arcade', 'seeded-atelier', 'seeded-classroom', 'seeded-postcards']);
  expect(counts!.reduce((sum, { views }) => sum + Number(views), 0)).toBe(400);
  // Raw events go back as far as retention keeps them, and are exactly what the roll-ups count there.
  expect(Number(range![0]!.first)).toBeGreaterThanOrEqual(oldest);
  expect(Number(range![0]!.last)).toBeLessThan(now);
  expect(rawHours!.length).toBeGreaterThan(100);
  expect(rawHours).toEqual(rolledHours);

  const second = await seed('--days', '40', '--visits', '300', '--seed', '2');
  expect(second.code).toBe(0);
  const [again, real, keys] = await query(COUNTS, REAL, "SELECT COUNT(*) AS n FROM site_keys WHERE site LIKE 'seeded-%'");
  expect(again!.reduce((sum, { views }) => sum + Number(views), 0)).toBe(300);
  expect(real).toEqual([{ sites: 1, batches: 1, events: 1, counted: 7 }]);
  expect(keys).toEqual([{ n: 0 }]);
});

test.for([
  { args: ['--remote'], says: 'leave --remote out' },
  { args: ['--days', '0'], says: 'a whole number from 1 to 730' },
  { args: ['--visits', 'many'], says: 'a whole number from 1 to 500000' },
  { args: ['--seed', '-1'], says: 'a whole number from 0 to 4294967295' },
  { args: ['production'], says: 'too many arguments' },
])('refuses $args', async ({ args, says }) => {
  const { code, output } = await seed(...args);
  expect(code).not.toBe(0);
  expect(output).toContain(says);
});
