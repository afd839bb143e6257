/** Names, trigger words, pictures and attributes that are programs, on their whole way: bucket, edge, host page, studio, a real browser. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Frame, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { build, DIST } from '../../client/build.ts';
import { DEMO_SITE, ensureSecrets, fillEdge, freePort, type LocalEdge, startEdge } from '../../models-manifest/cli/demo/local-edge.ts';
import { seedStore } from '../../models-manifest/cli/demo/seed-store.ts';
import { openLocalPlatform } from '../../models-manifest/cli/publish/local-platform.ts';
import { Store } from '../../models-manifest/cli/store.ts';
import type { Manifest } from '../../shared/manifest.ts';
import { CHROMIUM_FLAGS } from '../../vitest.config.ts';
import { type HostPage, serveHost } from './host-page.ts';

const RUN = "top.ran=1;parent.ran=1;self.ran=1;alert('ran')";
const NAME = `<img src=x onerror="${RUN}"></script><script>${RUN}</script>`;
const TRIGGER = `" autofocus onfocus="${RUN}" x="\${${RUN}}{{constructor.constructor('alert(1)')()}}`;
const AUTHOR = `'><svg onload="${RUN}"> javascript:${RUN}`;
/** Scripts of an SVG do not run in an `img`, and must not in anything else. */
const THUMBNAIL = `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" onload="${RUN}"><script>${RUN}</script></svg>`)}`;

let folder: string;
let edge: LocalEdge;
let host: HostPage;
let browser: Browser;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'diptych-hostile-'));
  const state = join(folder, 'state');
  if (!existsSync(DIST)) await build();
  const store = new Store('.diptych/store');
  await seedStore(store, () => undefined);
  await ensureSecrets();
  host = await serveHost(() => edge.origin);
  await fillEdge(store, state, [host.origin], () => undefined);
  await publishHostile(state);
  edge = await startEdge(state, await freePort(19_371));
  const args = CHROMIUM_FLAGS.filter((flag) => !flag.includes('webgpu'));
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args });
});

afterAll(async () => {
  await browser?.close();
  await edge?.stop();
  host?.server.close();
  await rm(folder, { recursive: true, force: true });
});

/** The demo's catalogue with programs for texts; it is of the documented form, so that the edge serves it. */
async function publishHostile(state: string): Promise<void> {
  const manifest = JSON.parse(await readFile('.diptych/store/manifest.json', 'utf8')) as Manifest;
  const models = manifest.models.map((model) => ({ ...model, name: NAME, author: AUTHOR, license: NAME }));
  const loras = manifest.loras.map((lora, index) => ({
    ...lora,
    name: `${NAME} ${lora.id}`,
    trigger: `${TRIGGER} ${lora.id}`,
    author: AUTHOR,
    license: NAME,
    thumbnail: index % 2 === 0 ? THUMBNAIL : undefined,
  }));
  const { bindings, close } = await openLocalPlatform(state);
  const bytes = new TextEncoder().encode(JSON.stringify({ ...manifest, models, loras }));
  try {
    await bindings.WEIGHTS.put('catalogue/manifest.json', bytes, { httpMetadata: { contentType: 'application/json' } });
  } finally {
    await close();
  }
}

interface Visit {
  page: Page;
  /** Whatever a script that was not meant to run would have done. */
  ran(): Promise<unknown[]>;
}

async function visit(attributes: Record<string, string>): Promise<Visit> {
  const page = await (await browser.newContext()).newPage();
  const dialogs: string[] = [];
  page.on('dialog', async (dialog) => {
    dialogs.push(dialog.message());
    await dialog.dismiss();
  });
  await page.goto(host.address(attributes));
  const inFrame = (frame: Frame) =>
    frame.evaluate(() => {
      const roots: (Document | ShadowRoot)[] = [document];
      for (const root of roots) for (const { shadowRoot } of root.querySelectorAll('*')) if (shadowRoot) roots.push(shadowRoot);
      const elements = roots.flatMap((root) => [...root.querySelectorAll('*')]);
      const handlers = elements.filter((element) => element.getAttributeNames().some((name) => name.startsWith('on')));
      const foreign = elements.filter((element) => element.matches('img[src="x"], svg[onload], a[href^="javascript:"], object, embed'));
      return [...handlers, ...foreign].map(({ outerHTML }) => outerHTML).concat('ran' in globalThis ? ['ran'] : []);
    });
  const ran = async () => [...dialogs, ...(await Promise.all(page.frames().map(inFrame))).flat()];
  return { page, ran };
}

test('the check itself sees a script that runs', async () => {
  const { page, ran } = await visit({ site: DEMO_SITE });
  await page.evaluate(() => Object.assign(globalThis, { ran: 1 }));
  expect(await ran()).toEqual(['ran']);
  await page.context().close();
});

test('the studio shows them as the texts that they are, before and after a picture, and runs none', async () => {
  const { page, ran } = await visit({ site: DEMO_SITE, subject: 'pip', 'style-id': 'knit', steps: '1' });
  await page.getByRole('button', { name: 'Make a picture' }).click();
  const studio = page.frameLocator('diptych-studio iframe');
  for (const id of ['pip', 'knit']) await studio.locator('.name', { hasText: `${NAME} ${id}` }).waitFor();
  expect(await studio.locator(`label[title*="onload"]`).first().getAttribute('title')).toContain(AUTHOR);
  const prompt = await studio.getByRole('textbox', { name: 'Prompt' }).inputValue();
  expect(prompt).toBe(`${TRIGGER} pip ${TRIGGER} knit`);
  expect(await ran()).toEqual([]);
  await studio.getByRole('button', { name: 'Generate' }).click();
  await studio.getByRole('img', { name: /picture/i }).waitFor();
  expect(await ran()).toEqual([]);
  await page.context().close();
});

test('what the page asks for is a text in the studio', async () => {
  const prompt = '</textarea><img src=x onerror=top.ran=1><script>top.ran=1</script>';
  const attributes = {
    prompt,
    subject: '<img src=x onerror=top.ran=1>',
    rule: '<script>top.ran=1</script>',
    theme: '<svg onload=top.ran=1>',
  };
  const { page, ran } = await visit({ site: DEMO_SITE, ...attributes });
  await page.getByRole('button', { name: 'Make a picture' }).click();
  const field = page.frameLocator('diptych-studio iframe').getByRole('textbox', { name: 'Prompt' });
  await field.waitFor();
  expect(await field.inputValue()).toBe(prompt);
  expect(await ran()).toEqual([]);
  await page.context().close();
});

test('a refusal is a text in the host page', async () => {
  const { page, ran } = await visit({ site: 'pk_</script><script>parent.ran=1</script>' });
  await page.getByRole('button', { name: 'Make a picture' }).click();
  await page.getByRole('alert').filter({ hasText: '</script><script>parent.ran=1</script>' }).waitFor();
  expect(await ran()).toEqual([]);
  await page.context().close();
});

test('a refusal that is opened by itself holds the key as a text, and its policy allows its own script alone', async () => {
  const page = await (await browser.newContext()).newPage();
  const dialogs: string[] = [];
  page.on('dialog', (dialog) => void dialogs.push(dialog.message()));
  await page.goto(`${edge.origin}/embed/studio?site=${encodeURIComponent(NAME)}`);
  expect(await page.getByRole('paragraph').textContent()).toContain(NAME.slice(0, 80));
  expect([dialogs, await page.evaluate(() => 'ran' in globalThis), await page.locator('img, svg').count()]).toEqual([[], false, 0]);
  await page.context().close();
});
