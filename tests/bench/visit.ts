/** What a visitor of the demo page waits for, in Chromium on WebAssembly, everything local: the edge, the page, the browser. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type FrameLocator, type Page } from 'playwright-core';
import { serveDemo } from '../../client/demo/serve.ts';
import { DEMO_SITE } from '../../models-manifest/cli/demo/local-edge.ts';
import { CHROMIUM_FLAGS } from '../../vitest.config.ts';
import { openDemoEdge } from '../e2e/demo-edge.ts';
import { median } from './median.ts';

export interface VisitOptions {
  rounds: number;
  steps: number;
}

interface Wait {
  what: string;
  seconds: number[];
  /** What it may take, in seconds on two cores. */
  bar: number;
}

const FIRST_VISIT = 20;
const SECOND_VISIT = 12;
const WARM = 8;
const RULES = ['kl-soft', 'kl', 'direct'];

/** In milliseconds: what has not come by then never will. */
const PATIENCE = 120_000;

/**
 * Each round has an empty browser profile: a first visit, a second one on a page of its own, and then pictures on the page that stands.
 *
 * @returns whether every median is within its bar
 */
export async function benchVisit({ rounds, steps }: VisitOptions): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'diptych-visit-'));
  const edge = await openDemoEdge(folder, ['http://localhost:*'], 18_951);
  const demo = await serveDemo({ edge: edge.origin, site: DEMO_SITE, port: 0 });
  const waits = new Map<string, Wait>();
  const note = (what: string, bar: number, seconds: number): void => {
    if (!waits.has(what)) waits.set(what, { what, bar, seconds: [] });
    waits.get(what)!.seconds.push(seconds);
  };
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: CHROMIUM_FLAGS.filter((flag) => !flag.includes('webgpu')),
  });
  try {
    for (let round = 0; round < rounds; round++) {
      const profile = await browser.newContext({ viewport: { width: 1200, height: 900 } });
      const first = await visit(profile, demo.origin, steps, true);
      note('first visit, from the address to the picture', FIRST_VISIT, first.seconds);
      await first.page.close();
      const second = await visit(profile, demo.origin, steps, false);
      note('second visit', SECOND_VISIT, second.seconds);
      for (const rule of RULES) note(`the next picture, ${rule}`, WARM, await nextPicture(second.page, { rule }));
      const guided = { rule: 'kl-soft', guidance: '0.05' };
      // Guidance has networks of its own, which the visitor is asked about once more.
      const downloaded = nextPicture(second.page, guided);
      await consent(second.page);
      await downloaded;
      note('the next picture, kl-soft + guidance', WARM, await nextPicture(second.page, guided));
      await profile.close();
    }
  } finally {
    await browser.close();
    demo.server.closeAllConnections();
    demo.server.close();
    await edge.close();
    await rm(folder, { recursive: true, force: true });
  }
  return report([...waits.values()], { rounds, steps });
}

/** @returns the page, and seconds from the navigation to the finished picture */
async function visit(profile: BrowserContext, address: string, steps: number, consents: boolean): Promise<{ page: Page; seconds: number }> {
  const page = await profile.newPage();
  await page.goto(address);
  await page.locator('diptych-studio').evaluate((studio, value) => studio.setAttribute('steps', value), String(steps));
  const made = generate(page);
  if (consents) await consent(page);
  const ended = await made;
  await studioOf(page).getByText('WebAssembly').first().waitFor({ timeout: 5000 });
  return { page, seconds: ended / 1000 };
}

const studioOf = (page: Page): FrameLocator => page.frameLocator('diptych-studio iframe');

const consent = (page: Page): Promise<void> => studioOf(page).getByRole('button', { name: 'Download and generate' }).click();

/** @returns seconds from the wish to the finished picture */
async function nextPicture(page: Page, attributes: Record<string, string>): Promise<number> {
  const from = await page.locator('diptych-studio').evaluate((studio, values) => {
    for (const [name, value] of Object.entries(values)) studio.setAttribute(name, value);
    return performance.now();
  }, attributes);
  return ((await generate(page)) - from) / 1000;
}

/** @returns when the picture was there, in milliseconds since the navigation */
const generate = (page: Page): Promise<number> =>
  page.locator('diptych-studio').evaluate(async (studio, patience) => {
    await customElements.whenDefined('diptych-studio');
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error(`No picture after ${patience / 1000} s`)), patience));
    await Promise.race([(studio as HTMLElement & { generate(): Promise<unknown> }).generate(), late]);
    return performance.now();
  }, PATIENCE);

function report(waits: readonly Wait[], { rounds, steps }: VisitOptions): boolean {
  console.log(`${steps} steps, median of ${rounds}\n\n| | seconds | bar |\n| --- | --- | --- |`);
  for (const { what, seconds, bar } of waits) console.log(`| ${what} | ${median(seconds).toFixed(1)} | ${bar} |`);
  return waits.every(({ seconds, bar }) => median(seconds) <= bar);
}
