/** The widget on one origin, the edge on another, a real browser, the demo model: the whole way of a picture. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type FrameLocator, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build, DIST } from '../../client/build.ts';
import { DEMO_SITE, ensureSecrets, fillEdge, freePort, type LocalEdge, startEdge } from '../../models-manifest/cli/demo/local-edge.ts';
import { seedStore } from '../../models-manifest/cli/demo/seed-store.ts';
import { openLocalPlatform } from '../../models-manifest/cli/publish/local-platform.ts';
import { saveSite } from '../../models-manifest/cli/demo/save-site.ts';
import { Store } from '../../models-manifest/cli/store.ts';
import { CHROMIUM_FLAGS } from '../../vitest.config.ts';
import { generateOnCommandLine, meanDifference, readPng } from './command-line.ts';
import { type HostPage, serveHost } from './host-page.ts';

/** A site whose pages are elsewhere. */
const OTHER_SITE = 'pk_elsewhere';
/** A picture that never comes would wait for ever. */
const TIMEOUT = 500_000;
const RECIPE = { subject: 'pip', style: 'knit', seed: '7' };

let folder: string;
let state: string;
let edge: LocalEdge;
let host: HostPage;
/** With WebGPU on the software adapter, and without any. */
let browsers: Record<'webgpu' | 'wasm', Browser>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'diptych-e2e-'));
  state = join(folder, 'state');
  if (!existsSync(DIST)) await build();
  const store = new Store('.diptych/store');
  await seedStore(store, () => undefined);
  await ensureSecrets();
  host = await serveHost(() => edge.origin);
  await fillEdge(store, state, [host.origin], () => undefined);
  await saveSite({ id: OTHER_SITE, name: 'Elsewhere', origins: ['https://elsewhere.example'] }, state);
  edge = await startEdge(state, await freePort(18_911));
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  const without = CHROMIUM_FLAGS.filter((flag) => !flag.includes('webgpu'));
  const [webgpu, wasm] = await Promise.all([CHROMIUM_FLAGS, without].map((args) => chromium.launch({ executablePath, args })));
  browsers = { webgpu: webgpu!, wasm: wasm! };
});

afterAll(async () => {
  await Promise.all(Object.values(browsers ?? {}).map((browser) => browser.close()));
  await edge?.stop();
  host?.server.close();
  await rm(folder, { recursive: true, force: true });
});

interface Visit {
  page: Page;
  studio: FrameLocator;
  /** Paths that were asked of the edge's API so far. */
  requests: string[];
  /** What the browser complained of: refused scripts, styles, frames. */
  complaints: string[];
  /** Events of the element so far: its name, and its detail's phase, code or step. */
  events(): Promise<string[]>;
}

/** A fresh visitor, with nothing cached, on a page whose element has these attributes. */
async function visit(backend: keyof typeof browsers, attributes: Record<string, string>): Promise<Visit> {
  const context = await browsers[backend].newContext();
  const page = await context.newPage();
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on('request', (request) => {
    const { pathname, origin } = new URL(request.url());
    if (origin === edge.origin && pathname.startsWith('/v1/')) requests.push(pathname.replace(/[0-9a-f]{64}/, '*'));
  });
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(host.address(attributes));
  await page.evaluate(() => {
    const log: string[] = [];
    Object.assign(window, { log });
    for (const name of ['ready', 'progress', 'step', 'complete', 'error'])
      document.querySelector('diptych-studio')!.addEventListener(`diptych-${name}`, (event) => {
        const detail = (event as CustomEvent).detail ?? {};
        log.push([name, detail.phase ?? detail.code ?? detail.step].filter((part) => part !== undefined).join(' '));
      });
  });
  const events = () => page.evaluate(() => (window as unknown as { log: string[] }).log);
  return { page, studio: page.frameLocator('diptych-studio iframe'), requests, complaints, events };
}

/** Calls the element's `generate()`; resolves with the PNG's bytes, or the code of its error. */
async function generate(page: Page): Promise<Uint8Array | string> {
  const answer = await page.evaluate(async () => {
    const element = document.querySelector('diptych-studio') as HTMLElement & { generate(): Promise<{ blob: Blob }> };
    try {
      return [...new Uint8Array(await (await element.generate()).blob.arrayBuffer())];
    } catch (error) {
      return (error as { code: string }).code;
    }
  });
  return typeof answer === 'string' ? answer : Uint8Array.from(answer);
}

async function telemetry(): Promise<Record<string, unknown>[]> {
  const { bindings, close } = await openLocalPlatform(state);
  try {
    return (await bindings.DB.prepare('SELECT * FROM telemetry_events ORDER BY at, batch, position').all()).results;
  } finally {
    await close();
  }
}

describe('a page that may embed the studio', () => {
  it(
    'gets the command line’s picture from WebGPU, after the visitor’s consent, and its telemetry is recorded',
    async () => {
      const steps = '2';
      const expected = generateOnCommandLine(folder, { ...RECIPE, steps });
      const { page, studio, requests, complaints, events } = await visit('webgpu', {
        site: DEMO_SITE,
        subject: RECIPE.subject,
        'style-id': RECIPE.style,
        seed: RECIPE.seed,
        steps,
      });
      expect(requests).toEqual([]);
      const answer = generate(page);
      const consent = studio.getByRole('button', { name: 'Download and generate' });
      await consent.waitFor();
      expect(await studio.getByText('This page asks for a picture.').textContent()).toMatch(/Downloads about 1\d MB, once/);
      await studio.getByText(/^WebGPU on google swiftshader/).waitFor();
      expect(requests).toEqual(['/v1/manifest']);
      await consent.click();
      const png = await answer;
      expect(png).toBeInstanceOf(Uint8Array);
      expect(meanDifference(readPng(png as Uint8Array), await expected)).toBeLessThan(2);
      expect(requests).toContain('/v1/weights/*');
      const told = await events();
      expect(told.filter((event) => event !== 'progress download')).toEqual([
        'ready',
        'progress consent',
        'progress prepare',
        'progress prepare',
        'progress prepare',
        'step 1',
        'step 2',
        'progress decode',
        'complete',
      ]);
      expect(complaints).toEqual([]);
      await page.context().close();

      await expect
        .poll(async () => (await telemetry()).map(({ event }) => event), { timeout: 30_000, interval: 1000 })
        .toEqual(['view', 'ready', 'consent', 'generate_start', 'download', 'generate_step_summary', 'generate_complete']);
      const rows = await telemetry();
      expect(rows.at(-1)).toMatchObject({
        site: DEMO_SITE,
        backend: 'webgpu',
        model: 'demo',
        subject: 'pip',
        style: 'knit',
        rule: 'kl-soft',
        steps: 2,
      });
      expect(JSON.stringify(rows)).not.toContain('pip creature');
    },
    TIMEOUT,
  );

  it(
    'gets the command line’s picture from WebAssembly where there is no adapter, downloads once, and is not counted when it says so',
    async () => {
      const steps = '4';
      const before = (await telemetry()).length;
      const { page, studio, requests, complaints } = await visit('wasm', { site: DEMO_SITE, telemetry: 'off', steps });
      await page.getByRole('button', { name: 'Make a picture' }).click();
      await studio.getByText(/^WebAssembly on the CPU: this browser has WebGPU but no adapter/).waitFor();
      await studio.getByRole('radio', { name: /Pip/ }).check();
      await studio.getByRole('radio', { name: /Riso/ }).check();
      await studio.getByRole('spinbutton', { name: 'Seed' }).fill(RECIPE.seed);
      await studio.getByRole('button', { name: 'Generate' }).click();
      await studio.getByText('Everything is on this device.').waitFor();
      const [download] = await Promise.all([page.waitForEvent('download'), studio.getByRole('link', { name: 'Download PNG' }).click()]);
      expect(download.suggestedFilename()).toBe('pip-riso-7.png');
      const saved = join(folder, 'studio.png');
      await download.saveAs(saved);

      const expected = await generateOnCommandLine(folder, { ...RECIPE, style: 'riso', steps });
      expect(meanDifference(readPng(await readFile(saved)), expected)).toBeLessThan(2);

      requests.length = 0;
      const again = await generate(page);
      expect(again).toBeInstanceOf(Uint8Array);
      expect(requests).toEqual([]);
      expect(complaints).toEqual([]);
      await page.context().close();
      await new Promise((resolve) => setTimeout(resolve, 2500));
      expect(await telemetry()).toHaveLength(before);
    },
    TIMEOUT,
  );

  it(
    'can cancel, and make another picture afterwards',
    async () => {
      const { page, studio } = await visit('wasm', { site: DEMO_SITE, telemetry: 'off', steps: '50' });
      const answer = generate(page);
      await studio.getByRole('button', { name: 'Download and generate' }).click();
      await studio.getByText(/^Step \d+ of 50/).waitFor();
      await page.evaluate(() => (document.querySelector('diptych-studio') as HTMLElement & { cancel(): void }).cancel());
      expect(await answer).toBe('cancelled');
      await page.locator('diptych-studio').evaluate((element) => element.setAttribute('steps', '1'));
      expect(await generate(page)).toBeInstanceOf(Uint8Array);
      await page.context().close();
    },
    TIMEOUT,
  );
});

describe('guidance', () => {
  it(
    'that the page asks for makes the command line’s picture, by code that only comes then, and is recorded',
    async () => {
      const [steps, guidance] = ['4', '0.1'];
      const expected = generateOnCommandLine(folder, { ...RECIPE, steps, guidance });
      const { page, studio, complaints } = await visit('wasm', {
        site: DEMO_SITE,
        subject: RECIPE.subject,
        'style-id': RECIPE.style,
        seed: RECIPE.seed,
        steps,
        guidance,
      });
      const chunks = new Set<string>();
      page.on('request', (request) => /\/chunk-/.test(request.url()) && chunks.add(request.url()));
      await page.evaluate(() => {
        const scores: unknown[] = [];
        Object.assign(window, { scores });
        document
          .querySelector('diptych-studio')!
          .addEventListener('diptych-step', (event) => scores.push((event as CustomEvent).detail.scores));
      });
      const answer = generate(page);
      const consent = studio.getByRole('button', { name: 'Download and generate' });
      await consent.waitFor();
      const early = chunks.size;
      expect(await studio.getByRole('switch', { name: 'Guidance' }).isChecked()).toBe(true);
      await consent.click();
      const png = await answer;
      expect(png).toBeInstanceOf(Uint8Array);
      expect(meanDifference(readPng(png as Uint8Array), await expected)).toBeLessThan(2);
      expect(chunks.size).toBe(early + 1);
      const scores = await page.evaluate(() => (window as unknown as { scores: Record<string, number>[] }).scores);
      expect(scores).toHaveLength(4);
      for (const { dino, clip } of scores) for (const score of [dino, clip]) expect(Math.abs(score!)).toBeLessThan(1);
      await studio.getByRole('img', { name: /^Guidance scores\. Subject \(DINO\) from/ }).waitFor();
      expect(complaints).toEqual([]);
      await page.context().close();

      const completed = async () => (await telemetry()).filter(({ event, guidance: eta }) => event === 'generate_complete' && eta === 0.1);
      await expect.poll(completed, { timeout: 30_000, interval: 1000 }).toHaveLength(1);
      const [row] = await completed();
      for (const column of ['score_subject', 'score_style']) expect(row![column]).toSatisfy((score: number) => score > 0 && score < 1);
    },
    TIMEOUT,
  );
});

describe('a page that may not', () => {
  it.each([
    ['an origin that the site does not allow', OTHER_SITE, 'origin_not_allowed'],
    ['a key that no site has', 'pk_nobody', 'site_unknown'],
  ])('is told so: %s', async (_, site, code) => {
    const { page, requests, events } = await visit('wasm', { site });
    expect(await generate(page)).toBe(code);
    expect(await events()).toEqual([`error ${code}`]);
    await page.getByText(`(${code})`).waitFor();
    expect(await page.locator('diptych-studio iframe').count()).toBe(0);
    expect(requests).toEqual([]);
    await page.context().close();
  });
});
