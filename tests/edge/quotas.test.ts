import { createExecutionContext, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
import { createApp } from '../../worker/app.ts';
import type { Allowance } from '../../worker/limits/daily-quota.ts';
import { asAdmin, createSite } from './admin-requests.ts';
import { EDGE, problemOf } from './fetch-edge.ts';
import { hashOf, publish } from './store-fixture.ts';

const ORIGIN = 'https://shop.example';
const NOON = Date.UTC(2026, 10, 23, 12);
await publish();

/** An edge whose clock stands where it is set, and a new site with these limits. */
async function limitedSite(limits: { dailyBytes?: number; dailyGenerations?: number }) {
  const clock = { now: NOON };
  const app = createApp({ now: () => clock.now });
  const { id, keys } = await createSite({ name: 'Limited', origins: [ORIGIN], ...limits });
  const key = keys[0]!.key;
  const post = (path: string, body?: object, named = key) =>
    app.fetch(
      new Request(`${EDGE}${path}?site=${named}`, {
        method: 'POST',
        headers: { origin: ORIGIN },
        ...(body && { body: JSON.stringify(body) }),
      }),
      env,
      createExecutionContext(),
    );
  return {
    id,
    clock,
    generate: (named?: string) => post('/v1/generations', undefined, named),
    /** Asks for files by their digits: `1` has 11 bytes, and so on. */
    download: (...digits: string[]) => post('/v1/downloads', { hashes: digits.map(hashOf) }),
  };
}

const statuses = async (responses: (Response | Promise<Response>)[]) =>
  (await Promise.all(responses)).map(({ status }) => status).toSorted((a, b) => a - b);

describe('pictures', () => {
  test('200 asked for at once of a day of 150: exactly 150 are granted', async () => {
    const { generate } = await limitedSite({ dailyGenerations: 150 });
    const answers = await statuses(Array.from({ length: 200 }, () => generate()));
    expect(answers).toEqual([...Array<number>(150).fill(200), ...Array<number>(50).fill(429)]);
  });

  test('say how many are left, and when the day ends', async () => {
    const { generate } = await limitedSite({ dailyGenerations: 2 });
    expect(await (await generate()).json<Allowance>()).toEqual({ limit: 2, left: 1, resets: 12 * 3600 });
    expect(await (await generate()).json<Allowance>()).toEqual({ limit: 2, left: 0, resets: 12 * 3600 });
    const refused = await generate();
    expect(refused.headers.get('retry-after')).toBe(String(12 * 3600));
    expect(await problemOf(refused)).toMatchObject({ status: 429, code: 'quota_exceeded', kind: 'generations', limit: 2, used: 2 });
  });

  test('start again when the UTC day does, to the millisecond', async () => {
    const { clock, generate } = await limitedSite({ dailyGenerations: 1 });
    expect((await generate()).status).toBe(200);
    clock.now = Date.UTC(2026, 10, 24) - 1;
    const refused = await generate();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    clock.now = Date.UTC(2026, 10, 24);
    expect(await (await generate()).json<Allowance>()).toEqual({ limit: 1, left: 0, resets: 86_400 });
  });

  test('a limit of 0 grants none, and no limit counts nothing', async () => {
    expect((await (await limitedSite({ dailyGenerations: 0 })).generate()).status).toBe(429);
    const free = await limitedSite({});
    expect(await (await free.generate()).json<Allowance>()).toEqual({ limit: null, left: null, resets: 12 * 3600 });
    expect(await (await asAdmin('GET', `/v1/sites/${free.id}/usage`)).json()).toMatchObject({ generations: { limit: null, used: 0 } });
  });

  test('one site’s do not count for another, and a rotated key shares its site’s', async () => {
    const [one, other] = [await limitedSite({ dailyGenerations: 1 }), await limitedSite({ dailyGenerations: 1 })];
    expect((await one.generate()).status).toBe(200);
    expect((await other.generate()).status).toBe(200);
    const { key } = await (await asAdmin('POST', `/v1/sites/${one.id}/keys`, { overlap: 60 })).json<{ key: string }>();
    expect((await one.generate(key)).status).toBe(429);
  });
});

describe('bytes', () => {
  test('of each file once a request; what would exceed the day is refused whole', async () => {
    const { id, download } = await limitedSite({ dailyBytes: 40 });
    expect((await download('1', '2', '1')).status).toBe(200); // 11 + 12
    const refused = await problemOf(await download('3', '5')); // 13 + 15, of which 17 are left
    expect(refused).toMatchObject({ code: 'quota_exceeded', kind: 'bytes', limit: 40, used: 23 });
    expect(refused.detail).toContain('28 were asked for');
    expect((await download('3')).status).toBe(200);
    expect((await download('1')).status).toBe(429);
    const { used } = await env.QUOTAS.get(env.QUOTAS.idFromName(id))
      .usage('2026-11-23')
      .then(({ bytes }) => ({ used: bytes }));
    expect(used).toBe(36);
  });

  test('a request that is refused for another reason counts nothing', async () => {
    const { id, download } = await limitedSite({ dailyBytes: 40 });
    expect((await download('1', 'f')).status).toBe(400);
    expect(await env.QUOTAS.get(env.QUOTAS.idFromName(id)).usage('2026-11-23')).toEqual({ bytes: 0, generations: 0 });
  });
});

test('days that are over are forgotten, and the object sleeps when nothing is left', async () => {
  const stub = env.QUOTAS.get(env.QUOTAS.idFromName('forgetful'));
  const today = new Date().toISOString().slice(0, 10);
  await stub.spend({ kind: 'bytes', amount: 5, limit: 10, day: '2020-01-01' });
  await stub.spend({ kind: 'bytes', amount: 6, limit: 10, day: today });
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  expect(await stub.usage('2020-01-01')).toEqual({ bytes: 0, generations: 0 });
  expect(await stub.usage(today)).toEqual({ bytes: 6, generations: 0 });
  await runInDurableObject(stub, (_, { storage }) => storage.sql.exec('DELETE FROM spent'));
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  expect(await runDurableObjectAlarm(stub)).toBe(false);
  expect((await stub.spend({ kind: 'bytes', amount: 1, limit: 10, day: today })).allowed).toBe(true);
});

test('an edge without the binding refuses a site with a limit, says how to mend it, and serves the others', async () => {
  const { QUOTAS: _, ...without } = env;
  const app = createApp();
  const ask = async (limits: object) => {
    const { keys } = await createSite({ name: 'Anyone', origins: [ORIGIN], ...limits });
    const request = new Request(`${EDGE}/v1/generations?site=${keys[0]!.key}`, { method: 'POST', headers: { origin: ORIGIN } });
    return app.fetch(request, without, createExecutionContext());
  };
  expect((await ask({})).status).toBe(200);
  expect(await problemOf(await ask({ dailyGenerations: 5 }))).toMatchObject({ code: 'edge_not_ready', binding: 'QUOTAS' });
});
