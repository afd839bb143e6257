/** The dashboard on seeded traffic: every number that it shows is that of SQL over the raw events. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bytesText, countText, durationText, percentText } from '../../client/admin/number-text.ts';
import { changeOf } from '../../client/admin/usage/change-text.ts';
import { quantile } from '../../shared/histogram.ts';
import { exactQuantile } from '../../shared/nearest-rank.ts';
import { type AdminEdge, figuresShown, lookAt, openAdminEdge } from './admin-edge.ts';

const DAY_MS = 86_400_000;
/** Whole days, so that the answer stays the same while the test runs. */
const MIDNIGHT = Date.now() - (Date.now() % DAY_MS);
const DAYS = 14;
const day = (ago: number): string => new Date(MIDNIGHT - ago * DAY_MS).toISOString().slice(0, 10);
const PERIOD = `from=${day(DAYS)}&to=${day(1)}`;
const within = `at >= ${MIDNIGHT - DAYS * DAY_MS} AND at < ${MIDNIGHT}`;
const before = `at >= ${MIDNIGHT - 2 * DAYS * DAY_MS} AND at < ${MIDNIGHT - DAYS * DAY_MS}`;

/** An event's count, as a column. */
const counted = (...events: string[]): string => events.map((event) => `COUNT(*) FILTER (WHERE event = '${event}') AS ${event}`).join(', ');
const FUNNEL = ['view', 'consent', 'ready', 'generate_start', 'generate_complete'] as const;
const SUMS = `${counted(...FUNNEL, 'generate_error')},
  coalesce(SUM(bytes) FILTER (WHERE event = 'download'), 0) AS bytes,
  coalesce(SUM(cached_bytes) FILTER (WHERE event = 'download'), 0) AS cached_bytes,
  COUNT(*) FILTER (WHERE code IN ('webgpu_unavailable', 'model_too_large_for_wasm')) AS unsupported`;
const AMPERE = `gpu_vendor = 'nvidia' AND gpu_architecture = 'ampere'`;

type Sums = Record<(typeof FUNNEL)[number] | 'generate_error' | 'bytes' | 'cached_bytes' | 'unsupported', number>;
type Counts = { value: string; events: number }[];

let edge: AdminEdge;
const sql = {} as {
  sums: Sums;
  previous: Sums;
  ampere: Sums;
  pairs: Counts;
  styles: Counts;
  codes: Counts;
  rules: Counts;
  sites: (Sums & { value: string })[];
  days: { day: string; views: number; bytes: number; cached_bytes: number }[];
  steps: { ms: number }[];
  buckets: { bucket: number; events: number }[];
};

beforeAll(async () => {
  edge = await openAdminEdge(1500, async (all) => {
    const rows = async <T>(text: string): Promise<T> => (await all(text)) as T;
    const first = async <T>(text: string): Promise<T> => (await rows<T[]>(text))[0]!;
    const ranking = (value: string, event: string): Promise<Counts> =>
      rows(
        `SELECT ${value} AS value, COUNT(*) AS events FROM telemetry_events WHERE event = '${event}' AND ${within} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10`,
      );
    sql.sums = await first(`SELECT ${SUMS} FROM telemetry_events WHERE ${within}`);
    sql.previous = await first(`SELECT ${SUMS} FROM telemetry_events WHERE ${before}`);
    sql.ampere = await first(`SELECT ${SUMS} FROM telemetry_events WHERE ${within} AND ${AMPERE}`);
    sql.pairs = await ranking(`coalesce(subject, 'no subject') || ' × ' || coalesce(style, 'no style')`, 'generate_complete');
    sql.styles = await ranking(`coalesce(style, 'No style')`, 'generate_complete');
    sql.rules = await ranking('rule', 'generate_complete');
    sql.codes = await ranking('code', 'generate_error');
    sql.sites = await rows(`
      SELECT name AS value, ${SUMS} FROM telemetry_events JOIN sites ON sites.id = site WHERE ${within} GROUP BY site ORDER BY COUNT(*) DESC`);
    sql.days = await rows(`
      SELECT date(at / 1000, 'unixepoch') AS day, COUNT(*) FILTER (WHERE event = 'view') AS views,
        coalesce(SUM(bytes) FILTER (WHERE event = 'download'), 0) AS bytes,
        coalesce(SUM(cached_bytes) FILTER (WHERE event = 'download'), 0) AS cached_bytes
      FROM telemetry_events WHERE ${within} GROUP BY 1 ORDER BY 1`);
    sql.steps = await rows(
      `SELECT step_p50_ms AS ms FROM telemetry_events WHERE event = 'generate_step_summary' AND ${within} AND ${AMPERE}`,
    );
    sql.buckets = await rows(`
      SELECT bucket, SUM(events) AS events FROM telemetry_histograms
      WHERE metric = 'step' AND ${AMPERE} AND ${within.replaceAll('at ', 'hour ')} GROUP BY bucket`);
  });
}, 120_000);

afterAll(() => edge?.close());

/** A tile's figure and its change. */
async function tile(page: Page, metric: string): Promise<string[]> {
  const texts = await page.locator(`[data-metric=${metric}]`).locator('.value, .change').allInnerTexts();
  return texts.map((text) => text.replace(/ ?against the period before/, '').trim());
}

/** Rows of the table in this element, cell by cell. */
const cells = (page: Page, selector: string): Promise<string[][]> =>
  page
    .locator(`${selector} tbody tr`)
    .evaluateAll((rows) =>
      rows.map((row) => [...row.children].map((cell) => (cell.querySelector('button > span') ?? cell).textContent!.trim())),
    );

const share = (part: number, whole: number): string => (whole > 0 ? percentText(part / whole) : '–');
const rankingOf = (counts: Counts, total: number): string[][] =>
  counts.map(({ value, events }) => [value, countText(events), share(events, total)]);

describe('the numbers on the page', () => {
  let page: Page;
  let complaints: string[];
  beforeAll(async () => {
    ({ page, complaints } = await lookAt(edge, `?${PERIOD}&by=site`));
    await figuresShown(page);
  });
  afterAll(() => page.context().close());

  test('totals, and their change against the period before', async () => {
    const { sums, previous } = sql;
    expect(sums.view).toBeGreaterThan(300);
    const change = (kind: 'count' | 'share' | 'bytes', of: (from: Sums) => number): string =>
      changeOf(kind, of(sums), of(previous))?.text ?? 'nothing before';
    const completion = (from: Sums): number => from.generate_complete / from.generate_start;
    const cache = (from: Sums): number => from.cached_bytes / (from.bytes + from.cached_bytes);
    const unsupported = (from: Sums): number => from.unsupported / from.view;
    expect(await tile(page, 'views')).toEqual([countText(sums.view), change('count', ({ view }) => view)]);
    expect(await tile(page, 'pictures')).toEqual([countText(sums.generate_complete), change('count', (from) => from.generate_complete)]);
    expect(await tile(page, 'completion')).toEqual([percentText(completion(sums)), change('share', completion)]);
    expect(await tile(page, 'errors')).toEqual([countText(sums.generate_error), change('count', (from) => from.generate_error)]);
    expect(await tile(page, 'bytes')).toEqual([bytesText(sums.bytes), change('bytes', ({ bytes }) => bytes)]);
    expect(await tile(page, 'cache')).toEqual([percentText(cache(sums)), change('share', cache)]);
    expect(await tile(page, 'unsupported')).toEqual([percentText(unsupported(sums)), change('share', unsupported)]);
  });

  test('the funnel', async () => {
    const { sums, previous } = sql;
    const names = { view: 'View', consent: 'Consent', ready: 'Ready', generate_start: 'Generate', generate_complete: 'Complete' };
    expect(await cells(page, 'admin-funnel')).toEqual(
      FUNNEL.map((event, i) => [
        names[event],
        countText(sums[event]),
        share(sums[event], sums.view),
        i === 0 ? '–' : share(sums[event], sums[FUNNEL[i - 1]!]),
        changeOf('count', sums[event], previous[event])?.text ?? '–',
      ]),
    );
  });

  test('the series, day by day, in the chart’s own table', async () => {
    const views = await cells(page, 'admin-series');
    expect(views.map(([, value]) => value)).toEqual(sql.days.map((row) => countText(row.views)));
    const weights = await cells(page, 'admin-weights');
    expect(weights.map((row) => row.slice(1))).toEqual(
      sql.days.map((row) => [bytesText(row.bytes), bytesText(row.cached_bytes), share(row.cached_bytes, row.bytes + row.cached_bytes)]),
    );
  });

  test('p50 and p95 of a step on one GPU class', async () => {
    const histogram = new Map(sql.buckets.map(({ bucket, events }) => [bucket, events]));
    const row = (await cells(page, 'admin-speed')).find(([name]) => name === 'nvidia ampere');
    expect(row).toEqual(['nvidia ampere', countText(sql.steps.length), ...[0.5, 0.95].map((q) => durationText(quantile(histogram, q)!))]);
    // And the buckets tell what the raw events do, within the width of one.
    const exact = exactQuantile(
      sql.steps.map(({ ms }) => ms),
      0.95,
    );
    expect(Math.abs(quantile(histogram, 0.95)! / exact - 1)).toBeLessThan(0.095);
  });

  test('rules, errors, styles and pairs', async () => {
    const { generate_complete, generate_error } = sql.sums;
    expect(await cells(page, 'admin-rules')).toEqual(rankingOf(sql.rules, generate_complete));
    const codes = await page.locator('admin-errors tbody small').allInnerTexts();
    expect(codes).toEqual(sql.codes.map(({ value }) => value));
    expect((await cells(page, 'admin-errors')).map((row) => row.slice(1))).toEqual(
      rankingOf(sql.codes, generate_error).map((row) => row.slice(1)),
    );
    await page.getByRole('radio', { name: 'Styles' }).check();
    expect(await cells(page, 'admin-most-used')).toEqual(rankingOf(sql.styles, generate_complete));
    await page.getByRole('radio', { name: 'Pairs' }).check();
    // Of pairs that are as frequent the order is the ids', not the texts'.
    expect((await cells(page, 'admin-most-used')).toSorted()).toEqual(rankingOf(sql.pairs, generate_complete).toSorted());
  });

  test('the breakdown by site', async () => {
    expect(await cells(page, 'admin-breakdown')).toEqual(
      sql.sites.map((site) => [
        site.value,
        ...[site.view, site.ready, site.generate_start, site.generate_complete].map(countText),
        share(site.generate_complete, site.generate_start),
        countText(site.generate_error),
        bytesText(site.bytes),
        share(site.cached_bytes, site.bytes + site.cached_bytes),
        expect.stringMatching(/^\d+(\.\d)?%$/),
      ]),
    );
  });

  test('nothing on the way there was refused by the page’s policy, or failed', () => {
    expect(complaints).toEqual([]);
  });
});

test('a row filters, the address says so, and the back button takes it back', async () => {
  const { page } = await lookAt(edge, `?${PERIOD}`);
  await figuresShown(page);
  await page.locator('admin-breakdown').getByRole('button', { name: 'nvidia ampere' }).click();
  await figuresShown(page);
  const filtered = async (): Promise<void> => {
    expect(new URL(page.url()).searchParams.getAll('filter')).toEqual(['gpu_class=nvidia/ampere']);
    expect((await tile(page, 'pictures'))[0]).toBe(countText(sql.ampere.generate_complete));
    // A view carries no GPU: it is not known, which is not 0.
    expect(await tile(page, 'views')).toEqual(['–', 'not by GPU class']);
    expect((await cells(page, 'admin-funnel'))[0]!.slice(0, 2)).toEqual(['View', 'not told']);
    expect((await cells(page, 'admin-funnel'))[2]!.slice(0, 3)).toEqual(['Ready', countText(sql.ampere.ready), '100%']);
  };
  await filtered();
  await page.reload();
  await figuresShown(page);
  await filtered();
  await page.goBack();
  await figuresShown(page);
  expect((await tile(page, 'views'))[0]).toBe(countText(sql.sums.view));
  await page.goForward();
  await page.getByRole('button', { name: 'Remove filter GPU class nvidia ampere' }).click();
  await figuresShown(page);
  expect((await tile(page, 'pictures'))[0]).toBe(countText(sql.sums.generate_complete));
  expect(page.url()).not.toContain(edge.token);
  await page.context().close();
});

test('exports are what the edge answers', async () => {
  const { page } = await lookAt(edge, `?${PERIOD}&by=pair&filter=backend=webgpu`);
  await figuresShown(page);
  const path = `/v1/sites/all/analytics?${PERIOD}&filter=backend=webgpu&limit=1000`;
  const exported = async (item: string): Promise<{ name: string; text: string }> => {
    await page.locator('summary', { hasText: 'Export' }).click();
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: item }).click()]);
    return { name: download.suggestedFilename(), text: await readFile(await download.path(), 'utf8') };
  };
  const to = day(0);
  expect(await exported('Over time, CSV')).toEqual({
    name: `diptych-all-${day(DAYS)}-${to}.csv`,
    text: await (await edge.ask('GET', `${path}&format=csv`)).text(),
  });
  expect(await exported('By Pair, CSV')).toEqual({
    name: `diptych-all-pair-${day(DAYS)}-${to}.csv`,
    text: await (await edge.ask('GET', `${path}&format=csv&breakdown=pair`)).text(),
  });
  const { name, text } = await exported('Everything, JSON');
  expect(name).toBe(`diptych-all-${day(DAYS)}.json`);
  const { live: _, ...answer } = JSON.parse(text);
  expect(await (await edge.ask('GET', `${path}&breakdown=pair`)).json()).toMatchObject(answer);
  await page.context().close();
});

test('counts live what the edge has just been sent', async () => {
  const site = (await (await edge.ask('POST', '/v1/sites', { id: 'live', name: 'Live', origins: ['https://live.example'] })).json()) as {
    keys: { key: string }[];
  };
  const sent = await fetch(`${edge.origin}/v1/telemetry?site=${site.keys[0]!.key}`, {
    method: 'POST',
    headers: { origin: 'https://live.example', 'content-type': 'application/json' },
    body: JSON.stringify({ batch: crypto.randomUUID(), events: [{ event: 'view', age_ms: 0 }] }),
  });
  expect(sent.status).toBe(202);
  const { page } = await lookAt(edge, '?site=live&period=today');
  await page.getByText('1 opened, 0 started in the last 5 minutes').waitFor({ timeout: 40_000 });
  await page.context().close();
});

test('an error is told, and trying again helps', async () => {
  const { page } = await lookAt(edge, `?${PERIOD}&site=nobody`);
  await page.getByRole('alert').filter({ hasText: 'There is no such site' }).waitFor();
  await page.getByRole('combobox', { name: 'Site' }).selectOption('All sites');
  await figuresShown(page);
  await page.route('**/analytics?*', (route) => route.abort());
  await page.getByRole('combobox', { name: 'By' }).selectOption('Rule');
  await page.getByRole('alert').filter({ hasText: 'The edge did not answer' }).waitFor();
  await page.unroute('**/analytics?*');
  await page.getByRole('button', { name: 'Try again' }).click();
  await figuresShown(page);
  expect((await cells(page, 'admin-breakdown')).map(([rule]) => rule)).toEqual(expect.arrayContaining(sql.rules.map(({ value }) => value)));
  await page.context().close();
});

test.for([
  { width: 1280, name: 'admin' },
  { width: 360, name: 'admin-phone' },
])('draws its charts at a width of $width', async ({ width, name }) => {
  const { page } = await lookAt(edge, '', { width });
  await figuresShown(page);
  const drawn = await page.locator('canvas').evaluateAll((all) =>
    all.map((canvas) => {
      const { width, height } = canvas as HTMLCanvasElement;
      const { data } = (canvas as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height);
      return data.filter((value, i) => i % 4 === 3 && value > 0).length / (width * height);
    }),
  );
  expect(drawn).toHaveLength(4);
  for (const share of drawn) expect(share).toBeGreaterThan(0.03);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
  if (process.env.DIPTYCH_SHOTS) await page.screenshot({ path: join(process.env.DIPTYCH_SHOTS, `${name}.png`), fullPage: true });
  await page.context().close();
});
