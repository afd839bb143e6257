import { createMessageBatch } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { TELEMETRY_COLUMNS, TELEMETRY_EVENTS, TELEMETRY_HISTOGRAMS } from '../../shared/telemetry.ts';
import documentation from '../../docs/telemetry.md?raw';
import worker from '../../worker/index.ts';
import { randomNumbers, traffic } from './telemetry-traffic.ts';

/** Cells of the rows of the table below a heading, without their backquotes. */
function tableBelow(heading: string): string[][] {
  const section = documentation.split(`## ${heading}\n`)[1]!.split('\n## ')[0]!;
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

test('lists every event', () =>
  expect(
    tableBelow('Events')
      .map(([event]) => event)
      .toSorted(),
  ).toEqual([...TELEMETRY_EVENTS].toSorted()));

test('lists every column with its type and roll-up, in order', () => {
  const columns = Object.entries(TELEMETRY_COLUMNS).map(([name, { sql, roll }]) => [name, sql, roll]);
  expect(tableBelow('Columns').map((cells) => cells.slice(0, 3))).toEqual(columns);
});

test('lists every histogram', () => {
  const histograms = Object.entries(TELEMETRY_HISTOGRAMS).map(([metric, { event, column }]) => [metric, event, column]);
  expect(tableBelow('Tables').map(([metric, event, column]) => [metric, event, column!.split(' ')[0]])).toEqual(histograms);
});

test('its queries run, and find something', async () => {
  const now = Date.now();
  const messages = traffic(randomNumbers(3), { sites: ['pk_demo'], events: 300 }).map((message, i) => ({
    id: String(i),
    timestamp: new Date(now),
    attempts: 1,
    body: { ...message, received: now },
  }));
  await worker.queue(createMessageBatch('diptych-telemetry', messages), env);
  await env.DB.prepare("INSERT INTO telemetry_dead (id, died, reason) VALUES ('1', ?1, 'x')").bind(now).run();
  const queries = [...documentation.matchAll(/```sql\n(.*?)```/gs)].map(([, sql]) => sql!);
  expect(queries).toHaveLength(5);
  for (const sql of queries) expect((await env.DB.prepare(sql).all()).results.length, sql).toBeGreaterThan(0);
});
