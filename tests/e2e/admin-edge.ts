import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Browser, chromium, type Page } from 'playwright-core';
import { build, DIST } from '../../client/build.ts';
import { ensureSecrets, freePort, startEdge } from '../../models-manifest/cli/demo/local-edge.ts';
import { openLocalPlatform } from '../../models-manifest/cli/publish/local-platform.ts';
import { adminToken } from '../../models-manifest/cli/site/admin-token.ts';
import { CHROMIUM_FLAGS } from '../../vitest.config.ts';

/** Rows of one statement, by the columns' names. */
type Rows = Record<string, string | number | null>[];

export interface AdminEdge {
  origin: string;
  token: string;
  browser: Browser;
  /** Asks the admin API. */
  ask(method: string, path: string, body?: object): Promise<Response>;
  close(): Promise<void>;
}

interface Look {
  width?: number;
  height?: number;
  colorScheme?: 'light' | 'dark';
  /** Signed in already. */
  signedIn?: boolean;
}

export interface Looked {
  page: Page;
  /** Errors and warnings of the console, broken policies among them. */
  complaints: string[];
}

const seedAnalytics = (state: string, visits: number): Promise<unknown> =>
  promisify(execFile)(process.execPath, [
    'models-manifest/cli/demo/seed-analytics.ts',
    '--state',
    state,
    '--days',
    '30',
    '--visits',
    String(visits),
  ]);

/**
 * A real edge with the dashboard and seeded traffic, and a browser. `query` runs the test's own SQL before the edge starts: the database is read by
 * one at a time.
 */
export async function openAdminEdge(visits: number, query: (all: (sql: string) => Promise<Rows>) => Promise<void>): Promise<AdminEdge> {
  const state = await mkdtemp(join(tmpdir(), 'diptych-admin-'));
  if (!existsSync(join(DIST, 'admin.html'))) await build();
  await ensureSecrets();
  await seedAnalytics(state, visits);
  const { bindings, close } = await openLocalPlatform(state);
  await query(async (sql) => (await bindings.DB.prepare(sql).all()).results as Rows).finally(close);
  const edge = await startEdge(state, await freePort(18_961));
  const token = (await adminToken(new URL(edge.origin), undefined))!;
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: CHROMIUM_FLAGS });
  return {
    origin: edge.origin,
    token,
    browser,
    ask: (method, path, body) =>
      fetch(edge.origin + path, { method, headers: { authorization: `Bearer ${token}` }, ...(body && { body: JSON.stringify(body) }) }),
    close: async () => {
      await browser.close();
      await edge.stop();
      await rm(state, { recursive: true, force: true });
    },
  };
}

/** Opens the dashboard in a window of its own. */
export async function lookAt(edge: AdminEdge, query: string, look: Look = {}): Promise<Looked> {
  const { width = 1280, height = 900, colorScheme = 'light', signedIn = true } = look;
  const context = await edge.browser.newContext({ viewport: { width, height }, colorScheme, acceptDownloads: true });
  if (signedIn) await context.addInitScript((token) => sessionStorage.setItem('diptych-admin-token', token), edge.token);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(`${edge.origin}/admin${query}`);
  return { page, complaints };
}

/** Waits until the page shows the answer to what its address asks. */
export async function figuresShown(page: Page): Promise<void> {
  await page.locator('.panels[aria-busy=false] [data-metric=views] .value:not(:has(.skeleton))').waitFor();
}
