/** What a visitor sees of the edge's limits: a real edge, a page on another origin, a real browser. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEMO_SITE } from '../../models-manifest/cli/demo/local-edge.ts';
import { adminToken } from '../../models-manifest/cli/site/admin-token.ts';
import { CHROMIUM_FLAGS } from '../../vitest.config.ts';
import { type DemoEdge, openDemoEdge } from './demo-edge.ts';
import { type HostPage, serveHost } from './host-page.ts';

const TIMEOUT = 90_000;

let folder: string;
let edge: DemoEdge;
let host: HostPage;
let browser: Browser;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'diptych-limits-'));
  host = await serveHost(() => edge.origin);
  edge = await openDemoEdge(folder, [host.origin], 19_311);
  const args = CHROMIUM_FLAGS.filter((flag) => !flag.includes('webgpu'));
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args });
});

afterAll(async () => {
  await browser?.close();
  await edge?.close();
  host?.server.close();
  await rm(folder, { recursive: true, force: true });
});

/** The key of a new site with these limits. */
async function createSite(name: string, limits: object): Promise<string> {
  const headers = { authorization: `Bearer ${await adminToken(new URL(edge.origin), undefined)}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ name, origins: [host.origin], ...limits });
  const answer = await fetch(`${edge.origin}/v1/sites`, { method: 'POST', headers, body });
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { keys: { key: string }[] }).keys[0]!.key;
}

interface Visit {
  page: Page;
  /** Paths that the studio asked the edge's API for. */
  requests: string[];
}

async function visit(site: string): Promise<Visit> {
  const page = await (await browser.newContext()).newPage();
  const requests: string[] = [];
  page.on('request', (request) => void requests.push(new URL(request.url()).pathname));
  await page.goto(host.address({ site, steps: '1' }));
  return { page, requests };
}

test.each([
  { kind: 'pictures', limits: { dailyGenerations: 0 }, asked: '/v1/generations', never: '/v1/downloads' },
  { kind: 'bytes', limits: { dailyBytes: 1000 }, asked: '/v1/downloads', never: '/v1/generations' },
])('a day without $kind left is told kindly, and nothing is downloaded', { timeout: TIMEOUT }, async ({ kind, limits, asked, never }) => {
  const { page, requests } = await visit(await createSite(`Limited in ${kind}`, limits));
  await page.getByRole('button', { name: 'Make a picture' }).click();
  const studio = page.frameLocator('diptych-studio iframe');
  await studio.getByRole('button', { name: 'Generate' }).click();
  const alert = studio.getByRole('alert').filter({ hasText: 'used up' });
  await alert.waitFor();
  const midnight = await page.evaluate(() =>
    new Date(new Date().setUTCHours(24, 0, 0, 0)).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }),
  );
  expect(await alert.textContent()).toContain(`Come back after ${midnight}`);
  expect(requests).toContain(asked);
  expect(requests).not.toContain(never);
  expect(requests.filter((path) => path.startsWith('/v1/weights/'))).toEqual([]);
  await page.context().close();
});

test('who opens the studio too often is told, and opens it by the same button later', { timeout: TIMEOUT }, async () => {
  const { page } = await visit(DEMO_SITE);
  const flood = async () => (await fetch(`${edge.origin}/embed/studio?site=${DEMO_SITE}`)).status;
  for (let i = 0, status = 200; i < 500 && status !== 429; i++) status = await flood();
  const open = page.getByRole('button', { name: 'Make a picture' });
  await open.click();
  await expect.poll(() => page.getByRole('alert').textContent()).toMatch(/^Too many requests \(rate_limited\).*Try again in 10 s\.$/);
  await page.waitForTimeout(10_000);
  await open.click();
  await page.frameLocator('diptych-studio iframe').getByRole('button', { name: 'Generate' }).waitFor();
  await page.context().close();
});
