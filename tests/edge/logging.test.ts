import { createExecutionContext, createMessageBatch, createScheduledController } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createApp } from '../../worker/app.ts';
import type { Env } from '../../worker/env.ts';
import { readKeyRing } from '../../worker/key-ring.ts';
import { consume } from '../../worker/queue/consume.ts';
import { redact } from '../../worker/logging/redact.ts';
import edge from '../../worker/index.ts';
import { signedPath } from '../../worker/signing.ts';
import { EDGE, fetchEdge, problemOf } from './fetch-edge.ts';
import { insertBlob, insertSite, publish } from './store-fixture.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const RAY = '8f2a6c1d9e0b4f37-FRA';
const PROMPT = 'a secret garden at night';

await publish();
await insertSite('pk_logged', ['https://here.example']);

let text = '';
const lines = (): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
beforeEach(() => {
  text = '';
  const take = (...parts: unknown[]) => void (text += `${parts.join(' ')}\n`);
  for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) vi.spyOn(console, method).mockImplementation(take);
});
afterEach(() => vi.restoreAllMocks());

test.for([
  { method: 'GET', path: '/v1/manifest?site=pk_logged', line: { level: 'info', route: '/v1/manifest', status: 200, site: 'pk_logged' } },
  { method: 'GET', path: '/v1/manifest?site=pk_nobody', line: { level: 'info', route: '/v1/manifest', status: 403, code: 'site_unknown' } },
  {
    method: 'GET',
    path: '/v1/weights/abc?site=a',
    line: { level: 'info', route: '/v1/weights/:sha256', status: 401, code: 'signature_missing' },
  },
  { method: 'GET', path: '/embed/studio', line: { level: 'info', route: '/embed/studio', status: 401, code: 'site_key_missing' } },
  { method: 'GET', path: '/nothing', line: { level: 'info', status: 404, code: 'route_not_found' } },
  { path: '/v1/manifest', method: 'DELETE', line: { level: 'info', status: 405, code: 'method_not_allowed' } },
  { path: '/v1/downloads', method: 'OPTIONS', line: { level: 'info', method: 'OPTIONS', status: 204, bytes: 0 } },
  { path: '/healthz', method: 'HEAD', line: { level: 'info', method: 'HEAD', route: '/healthz', status: 200, bytes: 0 } },
])('$method $path is one line', async ({ method, path, line }) => {
  const response = await fetchEdge(path, { method });
  const id = response.headers.get('x-request-id');
  expect(id).toMatch(UUID);
  expect(lines()).toEqual([expect.objectContaining({ event: 'request', request_id: id, method, ms: expect.any(Number), ...line })]);
});

test('milliseconds are by the clock, bytes are the range’s; nothing of the signed address is in the line', async () => {
  let now = 1_790_000_000_000;
  const app = createApp({ now: () => (now += 7) });
  const sha256 = await insertBlob(new Uint8Array(1234));
  const exp = Math.floor(now / 1000) + 600;
  const path = await signedPath({ sha256, site: 'pk_logged', exp }, await readKeyRing(env.SIGNING_KEYS));
  const response = await app.fetch(new Request(EDGE + path, { headers: { range: 'bytes=0-99' } }), env, createExecutionContext());
  expect((await response.arrayBuffer()).byteLength).toBe(100);
  expect(lines()).toEqual([expect.objectContaining({ route: '/v1/weights/:sha256', status: 206, site: 'pk_logged', bytes: 100 })]);
  expect(Number(lines()[0]!['ms']) % 7).toBe(0);
  expect(lines()[0]!['ms']).toBeGreaterThan(0);
  for (const part of [sha256, String(exp), new URL(EDGE + path).searchParams.get('sig')!]) expect(text).not.toContain(part);
});

test.for([
  { ray: RAY, id: RAY },
  { ray: '8f2a6c1d9e0b4f37', id: '8f2a6c1d9e0b4f37' },
  { ray: '8f2a6c1d9e0b4f37-fra', id: UUID },
  { ray: `${RAY}, ${RAY}`, id: UUID },
  { ray: '{"level":"error"}', id: UUID },
  { ray: 'x'.repeat(4000), id: UUID },
])('CF-Ray $ray', async ({ ray, id }) => {
  const response = await fetchEdge('/v1/manifest', { headers: { 'cf-ray': ray } });
  const { request_id } = await problemOf(response);
  expect(request_id).toMatch(id);
  expect(lines()).toEqual([expect.objectContaining({ request_id })]);
});

test('pages of a site may read the id', async () => {
  const { headers } = await fetchEdge('/v1/manifest?site=pk_logged', { headers: { origin: 'https://here.example' } });
  expect(headers.get('access-control-expose-headers')).toContain('X-Request-Id');
});

test('what broke is a line with the id that the answer names, and nothing of what was asked', async () => {
  const reason = `connect to https://203.0.113.9/bucket?X-Amz-Signature=deadbeef as Bearer abc.def from 2001:db8::17 failed with key ${'aB3'.repeat(12)}`;
  const WEIGHTS = { get: async () => Promise.reject(new Error(reason)) } as unknown as R2Bucket;
  const request = new Request(`${EDGE}/v1/manifest?site=pk_logged&prompt=${encodeURIComponent(PROMPT)}`, {
    headers: {
      'cf-connecting-ip': '198.51.100.7',
      authorization: 'Bearer the-admin-token',
      'user-agent': 'UA/1',
      referer: 'https://here.example/page',
    },
  });
  const response = await createApp().fetch(request, { ...env, WEIGHTS }, createExecutionContext());
  const { request_id, detail } = await problemOf(response);
  expect(detail).toContain(request_id);
  expect(lines()).toEqual([
    expect.objectContaining({ level: 'error', event: 'fault', request_id, error: 'Error', stack: expect.stringContaining('at ') }),
    expect.objectContaining({ level: 'error', event: 'request', request_id, status: 500, code: 'internal' }),
  ]);
  expect(lines()[0]!['message']).toBe(
    'connect to https://[address]/bucket?[query] as Bearer [credentials] from [address] failed with key [secret]',
  );
  for (const kept of [
    'deadbeef',
    'abc.def',
    '203.0.113.9',
    '2001:db8',
    'aB3aB3',
    '198.51.100.7',
    'admin-token',
    'UA/1',
    'here.example/page',
  ])
    expect(text).not.toContain(kept);
  expect(decodeURIComponent(text)).not.toContain(PROMPT);
});

test('a signature that is refused stays out of the log', async () => {
  const sig = `pk_logged.${'Zz9_'.repeat(11)}`;
  await fetchEdge(`/v1/weights/${'a'.repeat(64)}?site=pk_logged&exp=99999999999&kid=new&sig=${sig}`);
  expect(lines()).toHaveLength(1);
  for (const secret of [sig, 'Zz9_', 'kid', 'exp', 'a'.repeat(64)]) expect(text).not.toContain(secret);
});

test('no path, query or header makes a second line or a member of its own', async () => {
  const value = fc.string({ unit: 'binary', maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(value, value, async (segment, query) => {
      text = '';
      const path = `/v1/${encodeURIComponent(segment.toWellFormed())}?site=${encodeURIComponent(query.toWellFormed())}`;
      await (await exports.default.fetch(new Request(EDGE + path))).body?.cancel();
      const members = new Set(['level', 'event', 'request_id', 'method', 'route', 'status', 'code', 'ms', 'site', 'bytes']);
      expect(lines()).toHaveLength(1);
      expect(Object.keys(lines()[0]!).filter((name) => !members.has(name))).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

test('a batch of the queue is a line: how many were counted', async () => {
  const body = (event: string) => ({
    site: 'pk_logged',
    received: Date.now(),
    batch: { batch: crypto.randomUUID(), events: [{ event, age_ms: 0 }] },
  });
  const messages = ['view', PROMPT, 'view'].map((event, index) => ({
    id: `m${index}`,
    timestamp: new Date(),
    attempts: 1,
    body: body(event),
  }));
  await consume(Date.now)(createMessageBatch<unknown>('diptych-telemetry', messages), env);
  expect(lines()).toEqual([
    expect.objectContaining({ level: 'error', event: 'message_refused', message_id: 'm1' }),
    expect.objectContaining({ level: 'info', event: 'queue', queue: 'diptych-telemetry', messages: 3, counted: 2, retried: 1 }),
  ]);
  expect(text).not.toContain(PROMPT);
});

const cron = (bindings: Env) => edge.scheduled(createScheduledController({ scheduledTime: new Date(), cron: '17 * * * *' }), bindings);
const cronLine = { event: 'cron', cron: '17 * * * *', ms: expect.any(Number) };

test('a run of the cron is a line: what it did', async () => {
  await cron(env);
  expect(lines()).toEqual([expect.objectContaining({ ...cronLine, level: 'info', objects: 0, events: 0, pruned: 0 })]);
});

test('a run of the cron that breaks is a line: why', async () => {
  const bindings: Env = { ...env };
  delete (bindings as Partial<Env>).ARCHIVE;
  await expect(cron(bindings)).rejects.toThrow('ARCHIVE');
  expect(lines()).toEqual([
    expect.objectContaining({ ...cronLine, level: 'error', code: 'edge_not_ready', message: expect.stringContaining('ARCHIVE') }),
  ]);
});

test.for([
  ['at fetch (worker/routes/weights.ts:17:33)', 'at fetch (worker/routes/weights.ts:17:33)'],
  [`blobs/${'0a'.repeat(32)} is gone`, `blobs/${'0a'.repeat(32)} is gone`],
  ['at 12:30:45 it broke', 'at 12:30:45 it broke'],
  ['version 1.30.0', 'version 1.30.0'],
  ['sites.origins of pk_abc: x', 'sites.origins of pk_abc: x'],
  ['from 10.0.0.1:443', 'from [address]:443'],
  ['from [::1]', 'from [[address]]'],
  ['GET /v1/weights/ab?sig=pk_a.b failed', 'GET /v1/weights/ab?[query] failed'],
  ['authorization: bearer x.y-z', 'authorization: bearer [credentials]'],
  ['local:ZGlwdHljaC1sb2NhbC1kZXZlbG9wbWVudC1rZXktMSE=', 'local:[secret]'],
] as const)('%s is logged as %s', ([message, logged]) => {
  expect(redact(message)).toBe(logged);
});
