import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
import { BREAKDOWNS, DIMENSIONS, FIGURES } from '../../shared/analytics.ts';
import type { TelemetryEvent } from '../../shared/telemetry.ts';
import { readQuery } from '../../worker/analytics/query.ts';
import { toCsv } from '../../worker/analytics/csv.ts';
import { readAnalytics } from '../../worker/storage/analytics.ts';
import { writeBatches } from '../../worker/storage/telemetry.ts';
import { analyticsOf, fetchAnalytics } from './fetch-analytics.ts';
import { fetchEdge, problemOf } from './fetch-edge.ts';
import { parseCsv } from './parse-csv.ts';
import { insertSite } from './store-fixture.ts';

await insertSite('pk_page', ['https://page.example']);
await insertSite('pk_live', ['https://page.example']);
await insertSite('pk_empty', []);

/** Writes events that happened at these instants. */
async function record(site: string, events: readonly ({ at: string } & Omit<TelemetryEvent, 'age_ms'>)[]): Promise<void> {
  const received = Math.max(...events.map(({ at }) => Date.parse(at)));
  const batch = { batch: crypto.randomUUID(), events: events.map(({ at, ...event }) => ({ ...event, age_ms: received - Date.parse(at) })) };
  await writeBatches(env.DB, [{ site, received, batch }]);
}

const view = (at: string) => ({ at, event: 'view' as const });
const picture = (at: string, subject: string, style: string) => ({
  at,
  event: 'generate_complete' as const,
  subject,
  style,
  rule: 'kl' as const,
});

await record('pk_page', [
  view('2026-02-28T23:59:59.999Z'),
  view('2026-03-01T00:00:00.000Z'), // a Sunday
  view('2026-03-01T23:59:59.999Z'),
  view('2026-03-02T00:00:00.000Z'), // a Monday
  view('2024-02-29T12:00:00.000Z'),
  picture('2026-03-01T10:00:00Z', 'pip', 'knit'),
  picture('2026-03-01T10:30:00Z', 'pip', 'knit'),
  picture('2026-03-01T11:00:00Z', 'zorp', 'knit'),
]);

const starts = async (search: string) => {
  const { series } = await analyticsOf('pk_page', search);
  return series.filter((point) => point.view > 0).map((point) => [point.start.slice(0, 13), point.view]);
};

describe('time', () => {
  test.for([
    { search: 'from=2026-03-01&to=2026-03-01&interval=day', expected: [['2026-03-01T00', 2]] },
    {
      search: 'from=2026-02-28&to=2026-03-02&interval=day',
      expected: [
        ['2026-02-28T00', 1],
        ['2026-03-01T00', 2],
        ['2026-03-02T00', 1],
      ],
    },
    // An instant is where the period ends; a date includes its day.
    { search: 'from=2026-03-01T00:00Z&to=2026-03-02T00:00Z&interval=day', expected: [['2026-03-01T00', 2]] },
    { search: 'from=2026-03-01T00:00&to=2026-03-02T00:00&interval=day', expected: [['2026-03-01T00', 2]] },
    // Midnight in Berlin is an hour earlier.
    {
      search: 'from=2026-03-01T00:00:00%2B01:00&to=2026-03-02T00:00:00%2B01:00&interval=hour',
      expected: [
        ['2026-02-28T23', 1],
        ['2026-03-01T00', 1],
      ],
    },
    // Half past is widened to the whole hour: roll-ups know no less.
    {
      search: 'from=2026-03-01T23:30:00Z&to=2026-03-02T00:00:00.001Z&interval=hour',
      expected: [
        ['2026-03-01T23', 1],
        ['2026-03-02T00', 1],
      ],
    },
    { search: 'from=2026-03-02T05:30:00%2B05:30&to=2026-03-02&interval=hour', expected: [['2026-03-02T00', 1]] },
    // Weeks begin on Monday, months on their first; both may begin before the period.
    {
      search: 'from=2026-02-28&to=2026-03-02&interval=week',
      expected: [
        ['2026-02-23T00', 3],
        ['2026-03-02T00', 1],
      ],
    },
    {
      search: 'from=2026-02-28&to=2026-03-02&interval=month',
      expected: [
        ['2026-02-01T00', 1],
        ['2026-03-01T00', 3],
      ],
    },
    { search: 'from=2024-02-29&to=2024-02-29&interval=month', expected: [['2024-02-01T00', 1]] },
  ])('$search', async ({ search, expected }) => {
    expect(await starts(search)).toEqual(expected);
  });

  test.for([
    { search: '', points: 31, interval: 'day', days: 30 },
    { search: 'from=2026-03-01&to=2026-03-02', points: 48, interval: 'hour', days: 2 },
    { search: 'from=2026-01-01&to=2026-06-29', points: 180, interval: 'day', days: 180 },
    { search: 'from=2026-01-01&to=2026-06-30', points: 27, interval: 'week', days: 181 },
    { search: 'from=2025-01-01&to=2026-12-31&interval=month', points: 24, interval: 'month', days: 730 },
    { search: 'from=2026-03-01&to=2026-03-31&interval=hour', points: 744, interval: 'hour', days: 31 },
  ])('$search: $points points', async ({ search, points, interval, days }) => {
    const answer = await analyticsOf('pk_page', search);
    const length = ({ from, to }: { from: string; to: string }) => (Date.parse(to) - Date.parse(from)) / 86_400_000;
    expect(answer.interval).toBe(interval);
    expect(length(answer.period)).toBe(days);
    expect(length(answer.previous_period)).toBe(days);
    expect(answer.previous_period.to).toBe(answer.period.from);
    // The default period begins in the middle of a day, unless it is midnight now.
    expect([points, points - (search === '' ? 1 : 0)]).toContain(answer.series.length);
  });

  test('the period before is counted apart', async () => {
    const { totals, previous_totals: previous, funnel } = await analyticsOf('pk_page', 'from=2026-03-01&to=2026-03-01');
    expect([totals.view, previous.view, totals.generate_complete]).toEqual([2, 1, 3]);
    expect(funnel[0]).toEqual({ event: 'view', events: 2, previous: 1 });
  });
});

test('a site without events: zeros for every interval, and null where there is nothing to divide', async () => {
  const answer = await analyticsOf('pk_empty', 'from=2026-03-01&to=2026-03-07&breakdown=pair');
  expect(answer.series).toHaveLength(7);
  const nulls = new Set([
    'subject_share',
    'guidance',
    'score_subject',
    'score_style',
    'cache_share',
    'cache_hit_share',
    'unsupported_share',
  ]);
  const nothing = Object.fromEntries(FIGURES.map((name) => [name, nulls.has(name) ? null : 0]));
  for (const figures of [answer.totals, answer.previous_totals, ...answer.series]) expect(figures).toMatchObject(nothing);
  expect(answer.breakdown).toEqual({ by: 'pair', values: 0, rows: [] });
  expect(answer.most_used).toEqual({ subject: [], style: [], pair: [], rule: [] });
  expect(answer.percentiles).toEqual({
    all: Object.fromEntries(['ready', 'load', 'step', 'total'].map((metric) => [metric, { events: 0, p50: null, p95: null }])),
    by_gpu_class: [],
  });
  expect(answer.live).toEqual({ minutes: 5, view: 0, generate_start: 0 });
});

test('limit: the values with the most events, and how many there are', async () => {
  const { breakdown, most_used: used } = await analyticsOf('pk_page', 'from=2026-03-01&to=2026-03-01&breakdown=subject&limit=2');
  expect(breakdown!.values).toBe(3);
  expect(breakdown!.rows.map(({ value, events }) => [value, events])).toEqual([
    ['', 2],
    ['pip', 2],
  ]);
  expect(used.pair).toEqual([
    { value: 'pip/knit', events: 2 },
    { value: 'zorp/knit', events: 1 },
  ]);
});

test('live: studios opened and runs started in the last five minutes, whatever the period is', async () => {
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
  const run = (at: string, backend: 'webgpu' | 'wasm') => ({ at, event: 'generate_start' as const, backend });
  await record('pk_live', [
    view(ago(10)),
    view(ago(290)),
    view(ago(310)),
    run(ago(1), 'webgpu'),
    run(ago(2), 'wasm'),
    run(ago(400), 'wasm'),
  ]);
  const period = 'from=2026-03-01&to=2026-03-01';
  expect((await analyticsOf('pk_live', period)).live).toEqual({ minutes: 5, view: 2, generate_start: 2 });
  expect((await analyticsOf('pk_live', `${period}&filter=backend=wasm`)).live).toEqual({ minutes: 5, view: 0, generate_start: 1 });
  expect((await analyticsOf('pk_page', period)).live).toEqual({ minutes: 5, view: 0, generate_start: 0 });
  expect((await analyticsOf('all', period)).live).toEqual({ minutes: 5, view: 2, generate_start: 2 });
});

test('it is nobody else’s to keep, and nobody else’s to ask', async () => {
  const response = await fetchAnalytics('pk_page');
  expect(response.headers.get('cache-control')).toBe('private, no-store');
  expect(response.headers.get('access-control-allow-origin')).toBeNull();
  await response.body?.cancel();
  for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: 'Bearer ' }])
    expect((await problemOf(await fetchEdge('/v1/sites/all/analytics', { headers: headers as Record<string, string> }))).status).toBe(401);
});

describe('refusals name the parameter', () => {
  test.for([
    { search: 'from=yesterday', field: 'from', detail: '"yesterday"' },
    { search: 'from=', field: 'from', detail: 'Write a date' },
    { search: 'to=2026-02-30', field: 'to', detail: '2026-02-30 does not exist' },
    { search: 'from=2026-02-29T00:00:00Z', field: 'from', detail: 'does not exist' },
    { search: 'to=2026-03-01T25:00:00Z', field: 'to', detail: 'does not exist' },
    // A + that is not encoded is a space.
    { search: 'from=2026-03-01T00:00:00+01:00', field: 'from', detail: '%2B' },
    { search: 'from=1999-12-31', field: 'from', detail: 'not between 2000 and 2099' },
    { search: 'from=2026-03-02&to=2026-03-01', field: 'from', detail: 'not before the period’s end' },
    { search: 'from=2020-01-01&to=2026-03-01', field: 'from', detail: 'longer than 1096 days' },
    { search: 'from=2026-01-01&to=2026-03-01&interval=hour', field: 'interval', detail: '1440 points' },
    { search: 'interval=year', field: 'interval', detail: 'is not one of hour, day, week, month, but "year"' },
    { search: 'breakdown=event', field: 'breakdown', detail: 'gpu_class' },
    { search: 'filter=backend', field: 'filter', detail: 'dimension=value' },
    { search: 'filter=colour=red', field: 'filter', detail: '"colour=red"' },
    { search: 'filter=toString=1', field: 'filter', detail: 'dimension=value' },
    { search: `filter=${'filter=model=a&'.repeat(21).slice(7)}`, field: 'filter', detail: 'the limit is 20' },
    { search: `filter=model=${'a'.repeat(201)}`, field: 'filter', detail: 'longer than 200' },
    { search: 'limit=0', field: 'limit', detail: 'from 1 to 1000' },
    { search: 'limit=1001', field: 'limit', detail: 'from 1 to 1000' },
    { search: 'limit=1e2', field: 'limit', detail: 'from 1 to 1000' },
    { search: 'format=xml', field: 'format', detail: 'json, csv' },
    { search: 'limit=1&limit=2', field: 'limit', detail: 'given twice' },
    { search: 'intervall=day', field: 'intervall', detail: 'is no parameter' },
    { search: '__proto__=1', field: '__proto__', detail: 'is no parameter' },
  ])('$search', async ({ search, field, detail }) => {
    const problem = await problemOf(await fetchAnalytics('pk_page', search));
    expect(problem).toMatchObject({ code: 'request_invalid', field, detail: expect.stringContaining(detail) });
    expect(problem.detail.startsWith(`${field}: `)).toBe(true);
  });

  test.for(['pk_nobody', 'ALL', 'a b', "' OR 1=1 --", '\u0000', 'x'.repeat(300)])('no site %j', async (id) => {
    const problem = await problemOf(await fetchAnalytics(encodeURIComponent(id)));
    expect(problem).toMatchObject({ code: 'site_not_found', status: 404, detail: expect.stringContaining(id.slice(0, 80)) });
  });
});

const ATTACKS = [
  "' OR '1'='1",
  "'; DROP TABLE telemetry_hours; --",
  "webgpu' UNION SELECT key, 0 FROM site_keys --",
  '") OR TRUE --',
  "x'))/**/OR/**/1=1",
  '"] OR 1=1 --',
  '\u0000',
  '?1',
  '$.a',
  '%27%20OR%201=1',
];

describe('SQL in a parameter stays a text', () => {
  test.for(['from', 'to', 'interval', 'breakdown', 'limit', 'format', 'filter', 'order'])('%s', async (name) => {
    for (const attack of ATTACKS)
      expect(await problemOf(await fetchAnalytics('pk_page', new URLSearchParams({ [name]: attack })))).toMatchObject({
        code: 'request_invalid',
      });
  });

  test.for(Object.keys(DIMENSIONS))('filter=%s', async (dimension) => {
    for (const attack of ATTACKS) {
      const search = new URLSearchParams({ from: '2026-03-01', to: '2026-03-01', filter: `${dimension}=${attack}` });
      const answer = await analyticsOf('all', search);
      expect(answer.filters).toEqual([{ dimension, values: [attack] }]);
      expect([answer.totals.events, answer.breakdown, answer.most_used.pair]).toEqual([0, null, []]);
      const attacked = new URLSearchParams({ from: '2026-03-01', to: '2026-03-01', filter: `${dimension}${attack}=1` });
      expect((await problemOf(await fetchAnalytics('all', attacked))).code).toBe('request_invalid');
    }
  });

  test('and everything is still there', async () => {
    expect((await analyticsOf('all', 'from=2026-03-01&to=2026-03-01')).totals).toMatchObject({ events: 5, view: 2, generate_complete: 3 });
  });
});

test('no SQL holds a text of the request, whatever is asked', async () => {
  const texts: string[] = [];
  const spying = {
    prepare: (sql: string) => (texts.push(sql), env.DB.prepare(sql)),
    batch: (statements: D1PreparedStatement[]) => {
      expect(statements.length).toBeLessThanOrEqual(6);
      return env.DB.batch(statements);
    },
  } as unknown as D1Database;
  const now = Date.now();
  for (const breakdown of BREAKDOWNS) {
    const search = new URLSearchParams(Object.keys(DIMENSIONS).map((dimension) => ['filter', `${dimension}=needle`]));
    search.set('breakdown', breakdown);
    await readAnalytics(spying, readQuery('needle', search, now), now);
  }
  expect(texts.length).toBeGreaterThan(BREAKDOWNS.length);
  expect(texts.filter((sql) => sql.includes('needle'))).toEqual([]);
});

/** A cell as JSON has it. An apostrophe guards what would be a formula. */
function jsonOf(column: string, cell: string): string | number | null {
  if (column === 'start' || column === 'value') return cell.replace(/^'(?=[=+\-@\t\r])/, '');
  return cell === '' ? null : Number(cell);
}

async function csvRows(site: string, search: string): Promise<Record<string, unknown>[]> {
  const response = await fetchAnalytics(site, `${search}&format=csv`);
  expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
  const [header, ...rows] = parseCsv(await response.text());
  return rows.map((row) => Object.fromEntries(row.map((cell, i) => [header![i], jsonOf(header![i]!, cell)])));
}

describe('CSV', () => {
  test('the series, as JSON has it', async () => {
    const search = 'from=2026-02-28&to=2026-03-02&interval=hour';
    expect(await csvRows('pk_page', search)).toEqual((await analyticsOf('pk_page', search)).series);
  });

  test.for(BREAKDOWNS)('the breakdown by %s, as JSON has it', async (breakdown) => {
    const search = `from=2026-02-28&to=2026-03-02&breakdown=${breakdown}&limit=1000`;
    const { rows } = (await analyticsOf('all', search)).breakdown!;
    expect(rows.length).toBeGreaterThan(0);
    expect(await csvRows('all', search)).toEqual(rows);
  });

  test('a file of a telling name', async () => {
    const response = await fetchAnalytics('pk_page', 'from=2026-03-01&to=2026-03-01&breakdown=pair&format=csv');
    await response.body?.cancel();
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="diptych-pk_page-pair-2026-03-01-2026-03-02.csv"');
  });

  test.for([
    { cell: 'plain', csv: 'plain' },
    { cell: 'with, comma', csv: '"with, comma"' },
    { cell: 'with "quotes"', csv: '"with ""quotes"""' },
    { cell: 'two\r\nlines', csv: '"two\r\nlines"' },
    { cell: '=HYPERLINK("http://x")', csv: '"\'=HYPERLINK(""http://x"")"' },
    { cell: '+1', csv: "'+1" },
    { cell: '-gpu', csv: "'-gpu" },
    { cell: '@sum', csv: "'@sum" },
    { cell: '\tx', csv: "'\tx" },
    { cell: -0.5, csv: '-0.5' },
    { cell: 0, csv: '0' },
    { cell: null, csv: '' },
    { cell: '', csv: '' },
  ])('a cell of $cell', ({ cell, csv }) => {
    expect(toCsv(['a', 'b'], [{ a: cell, b: 1 }])).toBe(`a,b\r\n${csv},1\r\n`);
  });
});
