import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
import type { RotatedKey, SiteRecord } from '../../shared/site-settings.ts';
import { createApp } from '../../worker/app.ts';
import { asAdmin, auditOf, createSite, readSite } from './admin-requests.ts';
import { EDGE, problemOf } from './fetch-edge.ts';
import { insertSite, publish } from './store-fixture.ts';

await publish();

const DAY = 86_400_000;
const START = Date.UTC(2026, 10, 23);
const TOKEN = env.ADMIN_TOKEN.split(',')[0]!.split(':')[1]!;

/** An edge of its own whose clock stands where it is set. */
function edgeAt(start: number) {
  const clock = { now: start };
  const app = createApp({ now: () => clock.now });
  const fetch = async (method: string, path: string, body?: object): Promise<Response> => {
    const init = { method, headers: { authorization: `Bearer ${TOKEN}` }, ...(body && { body: JSON.stringify(body) }) };
    return app.fetch(new Request(EDGE + path, init), env, createExecutionContext());
  };
  const rotate = async (id: string, body: object) => {
    const response = await fetch('POST', `/v1/sites/${id}/keys`, body);
    expect(response.status).toBe(201);
    return response.json<RotatedKey>();
  };
  /** Whether a page that names this key gets the catalogue; else the code. */
  const outcome = async (key: string) => {
    const answer: { code?: string } = await (await fetch('GET', `/v1/manifest?site=${key}`)).json();
    return answer.code ?? 'served';
  };
  return { clock, fetch, rotate, outcome };
}

const keysOf = ({ keys }: SiteRecord) => Object.fromEntries(keys.map(({ key, expires }) => [key, expires]));

describe('rotation', () => {
  test('the new key serves at once, the old one until the overlap ends, to the millisecond', async () => {
    const edge = edgeAt(START);
    await insertSite('pk_old', [], 0, 'rotating');
    const { key, site } = await edge.rotate('rotating', { overlap: 3600 });
    expect(keysOf(site)).toEqual({ pk_old: new Date(START + 3_600_000).toISOString(), [key]: null });
    for (const [now, old] of [
      [START, 'served'],
      [START + 3_599_999, 'served'],
      [START + 3_600_000, 'site_unknown'],
      [START + DAY, 'site_unknown'],
    ] as const) {
      edge.clock.now = now;
      expect([now, await edge.outcome('pk_old'), await edge.outcome(key)]).toEqual([now, old, 'served']);
    }
  });

  // The row of a site is kept for 15 seconds; one read just before its key expired was once good for as long.
  test('a row that is kept does not outlive its key', async () => {
    const edge = edgeAt(START);
    await insertSite('pk_brief', [], 0, 'brief');
    await edge.rotate('brief', { overlap: 5 });
    expect(await edge.outcome('pk_brief')).toBe('served');
    edge.clock.now = START + 4999;
    expect(await edge.outcome('pk_brief')).toBe('served');
    edge.clock.now = START + 5000;
    expect(await edge.outcome('pk_brief')).toBe('site_unknown');
  });

  test('takes seven days unless told otherwise, and never gives a key more time than it had', async () => {
    const edge = edgeAt(START);
    await insertSite('pk_first', [], 0, 'twice');
    const second = await edge.rotate('twice', {});
    expect(keysOf(second.site)).toEqual({ pk_first: new Date(START + 7 * DAY).toISOString(), [second.key]: null });
    edge.clock.now = START + DAY;
    const third = await edge.rotate('twice', { overlap: (30 * DAY) / 1000 });
    expect(keysOf(third.site)).toEqual({
      pk_first: new Date(START + 7 * DAY).toISOString(),
      [second.key]: new Date(START + 31 * DAY).toISOString(),
      [third.key]: null,
    });
    edge.clock.now = START + 8 * DAY;
    const now = await (await edge.fetch('GET', '/v1/sites/twice')).json<SiteRecord>();
    expect(Object.keys(keysOf(now)).toSorted()).toEqual([second.key, third.key].toSorted());
  });

  test('without overlap replaces at once', async () => {
    const edge = edgeAt(START);
    await insertSite('pk_leaked', [], 0, 'leaked');
    const { key, site } = await edge.rotate('leaked', { overlap: 0 });
    expect(keysOf(site)).toEqual({ [key]: null });
    expect([await edge.outcome('pk_leaked'), await edge.outcome(key)]).toEqual(['site_unknown', 'served']);
  });

  test('leaves the id, the settings and an audit row with the keys it replaced', async () => {
    const before = await createSite({ id: 'steady', name: 'Steady', dailyGenerations: 5 });
    const { key, site } = await (await asAdmin('POST', '/v1/sites/steady/keys', { overlap: 60 })).json<RotatedKey>();
    expect({ ...site, keys: [] }).toEqual({ ...before, keys: [] });
    expect(await readSite('steady')).toEqual(site);
    const replaced = [before.keys[0]!.key];
    expect((await auditOf('steady'))[0]).toMatchObject({ action: 'key.rotate', details: { key, overlap: 60, replaced } });
  });

  // One after the other, in either order: both keys that were handed out work, and exactly one of them stays.
  test('of two at once', async () => {
    const { keys } = await createSite({ id: 'raced', name: 'Raced' });
    const answers = await Promise.all([60, 3600].map((overlap) => asAdmin('POST', '/v1/sites/raced/keys', { overlap })));
    const rotated = await Promise.all(answers.map((answer) => answer.json<RotatedKey>()));
    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    const site = await readSite('raced');
    expect(site.keys.map(({ key }) => key).toSorted()).toEqual([keys[0]!.key, ...rotated.map(({ key }) => key)].toSorted());
    expect(site.keys.filter(({ expires }) => expires === null)).toHaveLength(1);
    const [last, first] = await auditOf('raced');
    expect(last!.details.replaced).toHaveLength(2);
    expect(first!.details.replaced).toEqual([keys[0]!.key]);
    expect(site.keys.find(({ expires }) => expires === null)!.key).toBe(last!.details.key);
  });

  test.for([{ overlap: -1 }, { overlap: 0.5 }, { overlap: 7_776_001 }, { overlap: '1' }, { overlap: null }, { after: 1 }])(
    '%j is refused',
    async (body) => {
      const problem = await problemOf(await asAdmin('POST', '/v1/sites/steady/keys', body));
      expect(problem).toMatchObject({ status: 400, code: 'request_invalid', field: Object.keys(body)[0] });
    },
  );
});

describe('revoking', () => {
  test('ends a key; a row that was kept is served for 15 seconds at most', async () => {
    const edge = edgeAt(START);
    await insertSite('pk_bad', [], 0, 'revoked');
    const { key } = await edge.rotate('revoked', {});
    expect(await edge.outcome('pk_bad')).toBe('served');
    const response = await edge.fetch('DELETE', '/v1/sites/revoked/keys/pk_bad');
    expect([response.status, keysOf(await response.json<SiteRecord>())]).toEqual([200, { [key]: null }]);
    edge.clock.now = START + 15_000;
    expect([await edge.outcome('pk_bad'), await edge.outcome(key)]).toEqual(['site_unknown', 'served']);
    expect(await edgeAt(START).outcome('pk_bad')).toBe('site_unknown');
    expect((await auditOf('revoked'))[0]).toMatchObject({ action: 'key.revoke', details: { key: 'pk_bad' } });
  });

  test('the last key leaves a site that no page can name, until the next rotation', async () => {
    const { keys } = await createSite({ id: 'keyless', name: 'Keyless' });
    const revoked = await asAdmin('DELETE', `/v1/sites/keyless/keys/${keys[0]!.key}`);
    expect((await revoked.json<SiteRecord>()).keys).toEqual([]);
    const { key, site } = await (await asAdmin('POST', '/v1/sites/keyless/keys', {})).json<RotatedKey>();
    expect(keysOf(site)).toEqual({ [key]: null });
  });

  test('is refused for keys that the site does not have, or no longer', async () => {
    const other = await createSite({ id: 'other', name: 'Other' });
    const own = await createSite({ id: 'own', name: 'Own' });
    const remove = (key: string) => asAdmin('DELETE', `/v1/sites/own/keys/${key}`);
    const ownKey = own.keys[0]!.key;
    expect((await remove(ownKey)).status).toBe(200);
    for (const key of [other.keys[0]!.key, ownKey, 'pk_never', 'x'.repeat(500)])
      expect(await problemOf(await remove(key))).toMatchObject({ status: 404, code: 'site_key_not_found' });
    expect(await readSite('other')).toEqual(other);
    expect(await auditOf('own')).toHaveLength(2);
  });
});

test('keys of one site are one site to telemetry: a batch under two keys counts once', async () => {
  const { keys } = await createSite({ id: 'counted', name: 'Counted', origins: ['https://page.example'] });
  const { key } = await (await asAdmin('POST', '/v1/sites/counted/keys', {})).json<RotatedKey>();
  const sent: unknown[] = [];
  const TELEMETRY = { send: async (message: unknown) => void sent.push(message) } as unknown as Queue;
  const body = JSON.stringify({ batch: crypto.randomUUID(), events: [{ event: 'view', age_ms: 0 }] });
  for (const named of [keys[0]!.key, key]) {
    const request = new Request(`${EDGE}/v1/telemetry?site=${named}`, {
      method: 'POST',
      headers: { origin: 'https://page.example' },
      body,
    });
    const response = await createApp().fetch(request, { ...env, TELEMETRY }, createExecutionContext());
    expect(response.status).toBe(202);
  }
  expect(sent).toEqual([expect.objectContaining({ site: 'counted' }), expect.objectContaining({ site: 'counted' })]);
});
