import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
import wranglerToml from '../../wrangler.toml?raw';
import { createApp } from '../../worker/app.ts';
import { clientNetwork } from '../../worker/limits/client-address.ts';
import { RATE_LIMITS } from '../../worker/limits/rate-limit.ts';
import { EDGE, fetchEdge, problemOf } from './fetch-edge.ts';
import { insertSite, publish } from './store-fixture.ts';

await publish();
await insertSite('pk_busy', []);
const MANIFEST = '/v1/manifest?site=pk_busy';

/** Statuses of `count` requests from one address, in order. The window may end while they come, so a flood is of several limits. */
async function flood(count: number, path: string, address: string, init: RequestInit = {}): Promise<number[]> {
  const answers: number[] = [];
  for (let i = 0; i < count; i++)
    answers.push((await fetchEdge(path, { ...init, headers: { ...init.headers, 'cf-connecting-ip': address } })).status);
  return answers;
}

/** In requests. */
const limitOf = (name: keyof typeof RATE_LIMITS) =>
  RATE_LIMITS[name].every * Number(new RegExp(`name = "${name}"[^[]*limit = ([0-9]+)`).exec(wranglerToml)![1]);

test.each(Object.entries(RATE_LIMITS))('%s has the period of wrangler.toml', (name, { period }) => {
  expect(wranglerToml).toMatch(new RegExp(`name = "${name}"[^[]*period = ${period} `));
});

test('one address that asks too often is refused, readably to any page, and another is served', async () => {
  const limit = limitOf('LIMIT_CLIENT');
  let [refused, served]: [Response | undefined, number] = [undefined, -1];
  for (; refused?.status !== 429; served++) refused = await fetchEdge(MANIFEST, { headers: { 'cf-connecting-ip': '203.0.113.7' } });
  expect(served).toBeGreaterThanOrEqual(limit);
  expect([refused.headers.get('retry-after'), refused.headers.get('access-control-allow-origin')]).toEqual(['10', '*']);
  expect(await problemOf(refused)).toMatchObject({ status: 429, code: 'rate_limited' });
  expect(await flood(1, MANIFEST, '203.0.113.8')).toEqual([200]);
});

test('the studio page too, before its site is looked up: the refusal tells the page that frames it', async () => {
  const page = '/embed/studio?site=pk_invented';
  const ask = () => fetchEdge(page, { headers: { 'cf-connecting-ip': '203.0.113.12' } });
  let refused = await ask();
  expect(refused.status).toBe(403);
  for (let i = 0; i < 3 * limitOf('LIMIT_CLIENT') && refused.status !== 429; i++) refused = await ask();
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '10']);
  expect(await refused.text()).toContain('{"type":"diptych-refused","code":"rate_limited"');
});

test('the addresses of one IPv6 network count together', async () => {
  const limit = limitOf('LIMIT_CLIENT');
  const answers: number[] = [];
  for (let i = 0; i < 3 * limit; i++) answers.push(...(await flood(1, MANIFEST, `2001:db8:1:2::${i.toString(16)}`)));
  expect(answers.indexOf(429)).toBeGreaterThanOrEqual(limit);
});

test('weights have a limit of their own, which a first visit does not reach', async () => {
  expect(await flood(3 * limitOf('LIMIT_CLIENT'), MANIFEST, '203.0.113.9')).toContain(429);
  expect(await flood(1, `/v1/weights/${'a'.repeat(64)}?site=pk_busy`, '203.0.113.9')).toEqual([401]);
  expect(limitOf('LIMIT_WEIGHTS')).toBeGreaterThan(2 * limitOf('LIMIT_CLIENT'));
});

test('tokens cannot be tried fast', async () => {
  const limit = limitOf('LIMIT_ADMIN');
  const headers = { authorization: 'Bearer guess-guess-guess-guess-guess-guess' };
  const answers = await flood(2 * limit + 1, '/v1/sites', '203.0.113.10', { headers });
  expect(new Set(answers.slice(0, limit))).toEqual(new Set([401]));
  expect(answers).toContain(429);
});

test('one site key that is asked for too often is refused, whoever asks', async () => {
  const keys: string[] = [];
  const bound = { ...env, LIMIT_SITE: { limit: async ({ key }: { key: string }) => ({ success: keys.push(key) < 2 }) } };
  const clock = { now: Date.now() };
  const app = createApp({ now: () => clock.now });
  const ask = async (path: string) => (await app.fetch(new Request(EDGE + path), bound, createExecutionContext())).status;
  const answers: number[] = [];
  for (let i = 0; i < 205; i++) answers.push(await ask(MANIFEST));
  // The platform is asked for the hundredth and the two hundredth, which it refuses; from then on nobody asks it, until the period ends.
  expect(answers).toEqual([...Array<number>(200).fill(200), ...Array<number>(5).fill(429)]);
  expect(keys).toEqual(['pk_busy', 'pk_busy']);
  expect(await ask('/v1/manifest?site=pk_nobody')).toBe(403);
  clock.now += 10_000;
  expect(await ask(MANIFEST)).toBe(200);
});

test('an edge without the bindings limits nothing', async () => {
  const { LIMIT_CLIENT: _, LIMIT_SITE: __, ...without } = env;
  const app = createApp();
  for (let i = 0; i <= limitOf('LIMIT_CLIENT'); i++) {
    const request = new Request(EDGE + MANIFEST, { headers: { 'cf-connecting-ip': '203.0.113.11' } });
    expect((await app.fetch(request, without, createExecutionContext())).status).toBe(200);
  }
});

describe('the network of an address', () => {
  test.each([
    ['203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
  ])('%s is %s', (address, network) => {
    expect(clientNetwork(address)).toBe(network);
  });
});
