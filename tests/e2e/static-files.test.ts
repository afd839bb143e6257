/** What the platform serves without asking the Worker: its headers, as the real asset router sends them, and the page at /docs in a real browser. */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { build, DIST } from '../../client/build.ts';
import { ensureSecrets, freePort, type LocalEdge, startEdge } from '../../models-manifest/cli/demo/local-edge.ts';
import { wrangler } from '../../models-manifest/cli/publish/wrangler.ts';
import { SECURITY_HEADERS } from '../../shared/security-headers.ts';
import { CHROMIUM_FLAGS } from '../../vitest.config.ts';

let state: string;
let edge: LocalEdge;
let browser: Browser;

beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), 'diptych-static-'));
  if (!existsSync(DIST)) await build();
  await ensureSecrets();
  await wrangler('d1', 'migrations', 'apply', 'diptych', '--local', '--persist-to', state);
  edge = await startEdge(state, await freePort(18_931));
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: CHROMIUM_FLAGS });
});

afterAll(async () => {
  await browser?.close();
  await edge?.stop();
  await rm(state, { recursive: true, force: true });
});

/** The paths at which the files of `client/dist` are served: pages without their `.html`, the studio page by the Worker alone. */
async function servedPaths(): Promise<string[]> {
  const files = await readdir(DIST, { recursive: true, withFileTypes: true });
  return files
    .filter((file) => file.isFile() && file.name !== '_headers')
    .map(
      (file) =>
        `/${relative(DIST, join(file.parentPath, file.name))
          .replaceAll('\\', '/')
          .replace(/\.html$/, '')}`,
    )
    .filter((path) => path !== '/embed/studio');
}

async function headersOf(path: string, init: RequestInit = {}): Promise<{ status: number; headers: Headers }> {
  const response = await fetch(edge.origin + path, { redirect: 'manual', ...init });
  await response.body?.cancel();
  return response;
}

/** Those that differ where a file has a value of its own. */
const OWN = new Set(['content-security-policy', 'cross-origin-resource-policy']);

test('every file carries each security header once', async () => {
  const paths = await servedPaths();
  expect(paths.length).toBeGreaterThan(15);
  for (const path of paths) {
    const { status, headers } = await headersOf(path);
    expect(status, path).toBe(200);
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
      const sent = headers.get(name);
      expect(OWN.has(name) && sent !== null ? value : sent, `${path} ${name}`).toBe(value);
    }
    // Two of one name would arrive joined by a comma, which makes neither hold.
    expect(headers.get('content-security-policy'), path).toMatch(/^default-src 'none'[^,]*$/);
    expect(headers.get('cross-origin-resource-policy'), path).toBe(path === '/embed/v1.js' ? 'cross-origin' : 'same-origin');
  }
});

test('onnxruntime’s builds are whole, typed, kept for ever, and may be used by an isolated page', async () => {
  const paths = (await servedPaths()).filter((path) => path.startsWith('/embed/ort/'));
  expect(paths.map((path) => path.split('/').at(-1)!).toSorted()).toEqual([
    'ort-wasm-simd-threaded.asyncify.mjs',
    'ort-wasm-simd-threaded.asyncify.wasm',
    'ort-wasm-simd-threaded.jspi.mjs',
    'ort-wasm-simd-threaded.jspi.wasm',
    'ort-wasm-simd-threaded.mjs',
    'ort-wasm-simd-threaded.wasm',
  ]);
  for (const path of paths) {
    const response = await fetch(edge.origin + path);
    expect(Object.fromEntries(response.headers), path).toMatchObject({
      'cache-control': 'public, max-age=31536000, immutable',
      'cross-origin-embedder-policy': 'require-corp',
      'cross-origin-resource-policy': 'same-origin',
    });
    // A browser compiles WebAssembly as it arrives only under its own type, and runs no module under another than JavaScript's.
    expect(response.headers.get('content-type')?.split(';')[0], path).toBe(path.endsWith('.wasm') ? 'application/wasm' : 'text/javascript');
    const { size } = await stat(join(DIST, path));
    expect((await response.arrayBuffer()).byteLength, path).toBe(size);
  }
});

test('the engine’s script, which the Worker answers, is the file that was built', async () => {
  const response = await fetch(`${edge.origin}/embed/assets/engine.js`);
  expect(response.headers.get('content-type')).toMatch(/^text\/javascript\b/);
  expect(response.headers.get('cross-origin-embedder-policy')).toBe('require-corp');
  expect(await response.text()).toBe(await readFile(join(DIST, 'embed/assets/engine.js'), 'utf8'));
});

test.for([
  { what: 'a file that the browser has', path: '/embed/assets/studio.css', conditional: true, status: 304 },
  { what: 'no such file', path: '/embed/assets/nothing.js', status: 404 },
  { what: 'the root', path: '/', status: 404 },
  { what: 'the studio page under its file’s name', path: '/embed/studio.html', status: 404 },
  { what: 'a path out of the folder', path: '/embed/..%2f..%2fwrangler.toml', status: 404 },
  { what: 'the file of headers', path: '/_headers', status: 404 },
])('$what carries them too', async ({ path, conditional, status }) => {
  const etag = conditional ? (await headersOf(path)).headers.get('etag')! : undefined;
  const answer = await headersOf(path, etag ? { headers: { 'if-none-match': etag } } : {});
  expect(answer.status).toBe(status);
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) expect(answer.headers.get(name), name).toBe(value);
});

describe.for(['light', 'dark'] as const)('/docs in %s', (colorScheme) => {
  test('draws every operation, from this origin alone, under its policy', async () => {
    const page = await browser.newPage({ colorScheme });
    const complaints: string[] = [];
    const foreign: string[] = [];
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on(
      'request',
      (request) => !request.url().startsWith(edge.origin) && !request.url().startsWith('data:') && foreign.push(request.url()),
    );
    await page.goto(`${edge.origin}/docs`);
    await page.locator('.opblock').first().waitFor();
    const { paths } = (await (await fetch(`${edge.origin}/openapi.json`)).json()) as { paths: Record<string, object> };
    const drawn = await page.locator('.opblock').evaluateAll((blocks) =>
      blocks.map((block) => {
        const text = (selector: string): string => block.querySelector(selector)!.textContent!.replaceAll('\u200B', '').trim();
        return `${text('.opblock-summary-method').toLowerCase()} ${text('.opblock-summary-path')}`;
      }),
    );
    const documented = Object.entries(paths).flatMap(([path, item]) => Object.keys(item).map((method) => `${method} ${path}`));
    expect(drawn.toSorted()).toEqual(documented.toSorted());
    const [text, ground] = await page.evaluate(() =>
      [getComputedStyle(document.querySelector('.opblock-tag')!).color, getComputedStyle(document.body).backgroundColor].map((color) =>
        Number(/\d+/.exec(color)![0]),
      ),
    );
    expect(ground! - text! > 100, `text ${text} on ${ground}`).toBe(colorScheme === 'light');
    expect(text! - ground! > 100, `text ${text} on ${ground}`).toBe(colorScheme === 'dark');
    await page.locator('.opblock-summary-control').first().click();
    await page.locator('.opblock-body').first().waitFor();
    expect({ complaints, foreign }).toEqual({ complaints: [], foreign: [] });
    if (process.env.DIPTYCH_SHOTS)
      await page.screenshot({ path: join(process.env.DIPTYCH_SHOTS, `docs-${colorScheme}.png`), fullPage: true });
    await page.close();
  });
});
