/** Weights from the bucket itself, past the Worker, to a page that is cross-origin isolated: the whole way of a picture in a real browser. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { build, DIST } from '../../client/build.ts';
import { DEMO_SITE, ensureSecrets, fillEdge, freePort, type LocalEdge, startEdge } from '../../models-manifest/cli/demo/local-edge.ts';
import { seedStore } from '../../models-manifest/cli/demo/seed-store.ts';
import { Store } from '../../models-manifest/cli/store.ts';
import { CHROMIUM_FLAGS } from '../../vitest.config.ts';
import { BucketServer, type CorsRule } from './bucket-server.ts';
import { type HostPage, serveHost } from './host-page.ts';

const KEYS = { accessKeyId: 'a-key-id', secret: 'a-secret/with+signs=' };

let folder: string;
let bucket: BucketServer;
let host: HostPage;
let edge: LocalEdge;
let browser: Browser;

/** The rules that docs/signing.md tells the operator to set, for this edge. */
async function documentedRules(edgeOrigin: string): Promise<CorsRule[]> {
  const [, json] = /```json\n([^`]*"exposeHeaders"[^`]*)```/.exec(await readFile('docs/signing.md', 'utf8')) ?? [];
  return (JSON.parse(json!.replace('https://edge.example', edgeOrigin)) as { rules: CorsRule[] }).rules;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'diptych-presigned-'));
  const state = join(folder, 'state');
  if (!existsSync(DIST)) await build();
  const store = new Store('.diptych/store');
  await seedStore(store, () => undefined);
  await ensureSecrets();
  bucket = await BucketServer.start({
    ...KEYS,
    name: 'diptych-weights',
    read: (key) => readFile(store.blobPath(key.replace('blobs/', ''))).catch(() => undefined),
  });
  host = await serveHost(() => edge.origin, {
    'cross-origin-embedder-policy': 'require-corp',
    'cross-origin-opener-policy': 'same-origin',
  });
  await fillEdge(store, state, [host.origin], () => undefined);
  edge = await startEdge(state, await freePort(18_951), {
    R2_S3_API: bucket.address,
    R2_ACCESS_KEY_ID: KEYS.accessKeyId,
    R2_SECRET_ACCESS_KEY: KEYS.secret,
  });
  bucket.cors = await documentedRules(edge.origin);
  const args = CHROMIUM_FLAGS.filter((flag) => !flag.includes('webgpu'));
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args });
});

afterAll(async () => {
  await browser?.close();
  await edge?.stop();
  await bucket?.stop();
  host?.server.close();
  await rm(folder, { recursive: true, force: true });
});

test('a picture from files of the bucket, an address of which expired on the way', async () => {
  // /healthz has asked for the catalogue, which this bucket has not got.
  expect(new Set(bucket.refused.splice(0))).toEqual(new Set(['NoSuchKey']));
  bucket.expire = 1;
  const page = await browser.newPage();
  const asked: string[] = [];
  const complaints: string[] = [];
  page.on('request', (request) => asked.push(`${request.method()} ${new URL(request.url()).pathname}`));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  await page.goto(host.address({ site: DEMO_SITE, subject: 'pip', 'style-id': 'knit', seed: '7', steps: '1' }));
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  const picture = page.evaluate(async () => {
    const element = document.querySelector('diptych-studio') as HTMLElement & { generate(): Promise<{ blob: Blob }> };
    return [...new Uint8Array(await (await element.generate()).blob.arrayBuffer()).subarray(0, 8)];
  });
  await page.frameLocator('diptych-studio iframe').getByRole('button', { name: 'Download and generate' }).click();
  expect(String.fromCharCode(...(await picture))).toBe('\u0089PNG\r\n\u001a\n');
  expect(bucket.refused).toEqual(['ExpiredRequest']);
  expect(bucket.served.length).toBeGreaterThan(5);
  expect(asked.filter((request) => request.includes('/v1/downloads'))).toHaveLength(2);
  expect(asked.filter((request) => request.includes('/v1/weights'))).toEqual([]);
  expect(complaints).toEqual([]);
  await page.close();
}, 120_000);
