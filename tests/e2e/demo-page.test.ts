/** The page that `npm start` serves, as a newcomer uses it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveDemo, type Demo } from '../../client/demo/serve.ts';
import { DEMO_SITE } from '../../models-manifest/cli/demo/local-edge.ts';
import { CHROMIUM_FLAGS } from '../../vitest.config.ts';
import { generateOnCommandLine, meanDifference, readPng } from './command-line.ts';
import { type DemoEdge, openDemoEdge } from './demo-edge.ts';

let folder: string;
let edge: DemoEdge;
let demo: Demo;
let browser: Browser;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'diptych-demo-'));
  edge = await openDemoEdge(folder, ['http://localhost:*'], 18_931);
  demo = await serveDemo({ edge: edge.origin, site: DEMO_SITE, port: 0 });
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: CHROMIUM_FLAGS.filter((flag) => !flag.includes('webgpu')),
  });
});

afterAll(async () => {
  await browser?.close();
  demo?.server.closeAllConnections();
  demo?.server.close();
  await edge?.close();
  await rm(folder, { recursive: true, force: true });
});

async function visit(size: { width: number; height: number }): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({ viewport: size, permissions: ['clipboard-read', 'clipboard-write'] });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(demo.origin);
  return { page, complaints };
}

describe('the demo page', () => {
  it('compares two rules on one seed, each by the command line’s picture', async () => {
    const { page, complaints } = await visit({ width: 1200, height: 900 });
    const rules = ['subject-only', 'np-lora'];
    for (const [k, name] of ['First picture', 'Second picture'].entries())
      await page.getByRole('group', { name }).getByRole('combobox', { name: 'Rule' }).selectOption(rules[k]!);
    await page.getByRole('spinbutton', { name: 'Seed' }).fill('11');
    await page.getByRole('button', { name: 'Compare' }).click();
    const studio = page.frameLocator('diptych-studio iframe');
    const [subject, style] = await chosen(studio);
    await studio.getByRole('button', { name: 'Download and generate' }).click();
    await studio.getByRole('img', { name: 'The picture so far' }).waitFor();
    for (const rule of rules) {
      const image = page.getByRole('img', { name: `The picture by ${rule}` });
      await image.waitFor({ timeout: 120_000 });
      const expected = await generateOnCommandLine(folder, { subject, style, seed: '11', rule });
      expect(meanDifference(readPng(await pngOf(image)), expected), rule).toBeLessThan(2);
    }
    await page.getByText('what differs is the rule').waitFor();
    expect(
      await page.locator('diptych-studio').evaluate((element) => [element.getAttribute('rule'), element.getAttribute('seed')]),
    ).toEqual([null, null]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('says why when the studio cannot make the pictures, and can be asked again', async () => {
    const { page } = await visit({ width: 1200, height: 900 });
    await page.locator('diptych-studio').evaluate((element) => element.setAttribute('site', 'pk_nobody'));
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.getByRole('status').filter({ hasText: 'No site has the key pk_nobody' }).waitFor();
    expect(await page.getByRole('button', { name: 'Compare' }).isEnabled()).toBe(true);
    await page.context().close();
  });

  it('copies what a site owner has to add, and fits a phone', async () => {
    const { page } = await visit({ width: 360, height: 740 });
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(
      `<script type="module" async src="${edge.origin}/embed/v1.js"></script>\n<diptych-studio site="${DEMO_SITE}" subject="pip" style-id="papercut"></diptych-studio>`,
    );
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    await page.context().close();
  });
});

/** The ids of the studio's subject and style. */
async function chosen(studio: ReturnType<Page['frameLocator']>): Promise<[string, string]> {
  const id = (kind: string) => studio.getByRole('group', { name: kind, exact: true }).locator('input:checked').inputValue();
  return [await id('Subject'), await id('Style')];
}

/** The pixels of a loaded `<img>` as a PNG; the page's policy lets no script fetch them. */
async function pngOf(image: Locator): Promise<Uint8Array> {
  const address = await image.evaluate((element) => {
    const { naturalWidth: width, naturalHeight: height } = element as HTMLImageElement;
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    canvas.getContext('2d')!.drawImage(element as HTMLImageElement, 0, 0);
    return canvas.toDataURL();
  });
  return Buffer.from(address.slice(address.indexOf(',') + 1), 'base64');
}
