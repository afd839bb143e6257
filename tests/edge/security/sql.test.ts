/** SQL where a name, a filter or a text is expected: in every parameter and every member of a body that the API documents. */
import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
import { asAdmin, auditOf, createSite, readSite } from '../admin-requests.ts';
import { fetchEdge, problemOf } from '../fetch-edge.ts';
import { hashOf, publish } from '../store-fixture.ts';
import { databaseDump } from './database-dump.ts';
import { documentedRequests, filled } from './documented-requests.ts';

await publish();
const ORIGIN = 'https://shop.example';
const VICTIM = await createSite({ id: 'victim', name: 'Victim', origins: [ORIGIN] });
const KEY = VICTIM.keys[0]!.key;
const SECRET = 'The name that nobody else may read';
await createSite({ id: 'other', name: SECRET });

const ATTACKS: [text: string, why: string][] = [
  ["' OR '1'='1", 'every row'],
  ["' OR 1=1 --", 'every row, the rest a comment'],
  ["victim' --", 'ends the text early'],
  ["x' UNION SELECT key, key, key, key, key, key, key, key FROM site_keys --", 'rows of another table'],
  ["'; DROP TABLE sites; --", 'a second statement'],
  ["'; UPDATE sites SET disabled = 1; --", 'one that changes'],
  ["' AND (SELECT COUNT(*) FROM sites) > 0 --", 'asks by yes and no'],
  ["' AND randomblob(500000000) IS NOT NULL --", 'asks by time'],
  ['" OR ""="', 'SQLite takes double quotes for texts too'],
  ['`; SELECT 1', 'and backticks for names'],
  ['\\', 'escapes the closing quote elsewhere'],
  ['%', 'LIKE: anything'],
  ['_icti%', 'LIKE: any letter'],
  ['*', 'GLOB: anything'],
  ["victim\u0000' OR 1=1 --", 'a null byte, where C ends the text'],
  ['?1', 'the placeholder itself'],
  ['$.name', 'a path of JSON functions'],
  ['\uff07 OR 1=1 --', 'an apostrophe of full width, which becomes a plain one where text is normalised'],
];

const reads = documentedRequests.filter(({ method }) => method === 'GET');
const places = reads.flatMap(({ template, operation }) =>
  (operation.parameters ?? []).map(({ name, in: where }) => ({ template, guarded: operation.security !== undefined, name, where })),
);

test('the places: more than a few', () => {
  expect(places.length).toBeGreaterThan(20);
  expect(new Set(places.map(({ where }) => where))).toEqual(new Set(['path', 'query', 'header']));
});

describe.for(places)('GET $template, $where parameter $name', ({ template, guarded, name, where }) => {
  /** The request with `text` in this place, and all others as they should be. */
  const ask = (text: string): Promise<Response> => {
    const names = { id: 'victim', sha256: hashOf('5'), ...(where === 'path' && { [name]: encodeURIComponent(text) }) };
    const search = new URLSearchParams({ ...(!guarded && { site: KEY }), ...(where === 'query' && { [name]: text }) });
    // No header holds what is beyond ASCII or a null byte: such a request is never sent.
    const headers = where === 'header' ? { [name]: text.replaceAll(/[^\x20-\x7e]/g, '') } : {};
    const path = `${filled(template, names)}?${search}`;
    return guarded ? asAdmin('GET', path, undefined, headers) : fetchEdge(path, { headers });
  };

  test('finds nothing of others, fails by no fault of the database, and changes nothing', async () => {
    const before = await databaseDump();
    for (const [text, why] of ATTACKS) {
      const response = await ask(text);
      expect(response.status, `${text}: ${why}`).toBeLessThan(500);
      const body = await response.text();
      expect(body).not.toMatch(/D1_ERROR|SQLITE_|syntax error/);
      expect(body.includes(SECRET) && !template.endsWith('/sites') && template !== '/v1/audit', `${text}: ${why}`).toBe(false);
    }
    expect(await databaseDump()).toEqual(before);
  });
});

const WRITES = [
  { method: 'PATCH', path: (text: string) => `/v1/sites/${text}`, body: { disabled: true } },
  { method: 'POST', path: (text: string) => `/v1/sites/${text}/keys`, body: { overlap: 0 } },
  { method: 'DELETE', path: (text: string) => `/v1/sites/${text}/keys/${KEY}` },
  { method: 'DELETE', path: (text: string) => `/v1/sites/victim/keys/${text}` },
];

test.for(WRITES)('$method by a name that is SQL reaches no site', async ({ method, path, body }) => {
  const before = await databaseDump();
  for (const [text, why] of ATTACKS) {
    const response = await asAdmin(method, path(encodeURIComponent(text)), body);
    expect(await problemOf(response), `${text}: ${why}`).toMatchObject({ status: 404 });
  }
  expect(await databaseDump()).toEqual(before);
});

const LISTS = [
  { path: '/v1/sites', rows: 'sites' },
  { path: '/v1/sites/victim/audit', rows: 'entries' },
  { path: '/v1/audit', rows: 'entries' },
];
test.for(LISTS)('$path: no text makes a page longer', async ({ path }) => {
  for (const name of ['limit', 'cursor'])
    for (const [text] of ATTACKS)
      expect(await problemOf(await asAdmin('GET', `${path}?${new URLSearchParams({ [name]: text })}`))).toMatchObject({
        code: 'request_invalid',
        detail: expect.stringContaining(name),
      });
});

test('as a site key: refused before the database is asked, so that none is tried by time either', async () => {
  for (const [text] of ATTACKS) {
    const response = await fetchEdge(`/v1/manifest?${new URLSearchParams({ site: text })}`);
    expect(await problemOf(response)).toMatchObject({ code: 'site_unknown' });
  }
});

test('as a name: kept to the letter, told to the letter, and in the audit', async () => {
  for (const [text] of ATTACKS) {
    const name = text.replaceAll('\u0000', '');
    const { id } = await createSite({ name });
    const renamed = await asAdmin('PATCH', `/v1/sites/${id}`, { name: `${name}!` });
    await renamed.body?.cancel();
    expect([renamed.status, (await readSite(id)).name]).toEqual([200, `${name}!`]);
    expect((await auditOf(id))[0]!.details).toEqual({ name: { from: name, to: `${name}!` } });
  }
  expect((await readSite('victim')).name).toBe('Victim');
});

test.for(['id', 'origins', 'models', 'loras', 'dailyBytes', 'dailyGenerations', 'disabled'])(
  'as %s of a new site: refused',
  async (field) => {
    const before = await databaseDump();
    for (const [text] of ATTACKS) {
      const value = ['origins', 'models', 'loras'].includes(field) ? [text] : text;
      const response = await asAdmin('POST', '/v1/sites', { name: 'x', [field]: value });
      expect(await problemOf(response)).toMatchObject({ status: 400, detail: expect.stringContaining(field) });
    }
    expect(await databaseDump()).toEqual(before);
  },
);

test.for(['model', 'subject', 'style', 'gpu', 'code', 'rule', 'event', 'backend'])(
  'as %s of an event: counted as a text or refused',
  async (field) => {
    for (const [text] of ATTACKS) {
      const event = { event: 'generate_complete', age_ms: 1, [field]: text };
      const response = await fetchEdge(`/v1/telemetry?site=${KEY}`, {
        method: 'POST',
        headers: { origin: ORIGIN },
        body: JSON.stringify({ batch: crypto.randomUUID(), events: [event] }),
      });
      await response.body?.cancel();
      expect([202, 400]).toContain(response.status);
    }
  },
);

test('afterwards every table is there, and the site serves', async () => {
  const { results } = await env.DB.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all<{ name: string }>();
  expect(results.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['sites', 'site_keys', 'audit', 'telemetry_events', 'telemetry_hours']),
  );
  const response = await fetchEdge(`/v1/manifest?site=${KEY}`, { headers: { origin: ORIGIN } });
  expect(response.status).toBe(200);
  await response.body?.cancel();
});
