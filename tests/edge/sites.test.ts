import { env } from 'cloudflare:workers';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { AuditPage, MAX_PAGE, SitePage, SiteRecord } from '../../shared/site-settings.ts';
import { asAdmin, auditOf, createSite, readSite } from './admin-requests.ts';
import { problemOf } from './fetch-edge.ts';
import { publish } from './store-fixture.ts';

await publish();

const UNLIMITED = { origins: [], models: null, loras: null, dailyBytes: null, dailyGenerations: null, disabled: false };
const FULL = {
  name: 'A shop',
  origins: ['https://shop.example', 'https://*.shop.example'],
  models: ['tiny'],
  loras: ['pip'],
  dailyBytes: 1e12,
  dailyGenerations: 0,
  disabled: true,
};

test('a site with its name alone may do everything, with a key that never expires', async () => {
  const started = Date.now();
  const response = await asAdmin('POST', '/v1/sites', { name: '  Plain ' });
  const site = v.parse(SiteRecord, await response.json());
  expect(response.status).toBe(201);
  expect(response.headers.get('location')).toBe(`/v1/sites/${site.id}`);
  expect(response.headers.get('etag')).toBe('"1"');
  expect(site).toMatchObject({ id: expect.stringMatching(/^site_[0-9a-f]{16}$/), name: 'Plain', ...UNLIMITED });
  expect(site.keys).toEqual([{ key: expect.stringMatching(/^pk_[0-9a-f]{24}$/), created: site.created, expires: null }]);
  expect(Date.parse(site.created)).toBeGreaterThanOrEqual(started);
  expect(Date.parse(site.created)).toBeLessThanOrEqual(Date.now());
  expect(await readSite(site.id)).toEqual(site);
});

test('a site with everything is as it was sent, its origins as browsers send them, each once', async () => {
  const origins = ['HTTPS://Shop.Example:443/', 'https://shop.example', 'https://*.Shop.example', 'https://bücher.example'];
  const site = await createSite({ id: 'full', ...FULL, origins, loras: ['pip', 'pip'] });
  expect(site).toMatchObject({ id: 'full', ...FULL, origins: [...FULL.origins, 'https://xn--bcher-kva.example'] });
  expect(await readSite('full')).toEqual(site);
});

test('an id is given once', async () => {
  const first = await createSite({ id: 'taken', name: 'First' });
  const second = await asAdmin('POST', '/v1/sites', { id: 'taken', name: 'Second' });
  expect(await problemOf(second)).toMatchObject({ status: 409, code: 'site_exists', detail: expect.stringContaining('taken') });
  expect(await readSite('taken')).toEqual(first);
  expect(await auditOf('taken')).toHaveLength(1);
});

describe('a change', () => {
  test('of each setting alone leaves the others, and the audit says from what to what', async () => {
    let site = await createSite({ id: 'changing', name: 'Before' });
    for (const [name, to] of Object.entries(FULL)) {
      const from = site[name as keyof SiteRecord];
      const response = await asAdmin('PATCH', '/v1/sites/changing', { [name]: to });
      expect(await response.json()).toEqual({ ...site, [name]: to });
      site = await readSite('changing');
      expect(site).toMatchObject({ [name]: to });
      expect((await auditOf('changing'))[0]).toMatchObject({ action: 'site.change', details: { [name]: { from, to } } });
    }
    for (const [name, to] of Object.entries(UNLIMITED)) await asAdmin('PATCH', '/v1/sites/changing', { [name]: to });
    expect(await readSite('changing')).toMatchObject({ name: 'A shop', ...UNLIMITED });
  });

  test('with If-Match holds only where nobody came in between', async () => {
    await createSite({ id: 'matched', name: 'One' });
    const read = await asAdmin('GET', '/v1/sites/matched');
    const etag = read.headers.get('etag')!;
    await read.body?.cancel();
    const changed = await asAdmin('PATCH', '/v1/sites/matched', { name: 'Two' }, { 'if-match': `"99", ${etag}` });
    expect(await changed.json()).toMatchObject({ name: 'Two' });
    for (const condition of [etag, `W/${changed.headers.get('etag')}`, 'nonsense']) {
      const late = await asAdmin('PATCH', '/v1/sites/matched', { name: 'Three' }, { 'if-match': condition });
      expect(await problemOf(late)).toMatchObject({ status: 412, code: 'site_changed' });
      const rotation = await asAdmin('POST', '/v1/sites/matched/keys', {}, { 'if-match': condition });
      expect(await problemOf(rotation)).toMatchObject({ status: 412, code: 'site_changed' });
    }
    expect((await asAdmin('PATCH', '/v1/sites/matched', { name: 'Four' }, { 'if-match': '*' })).status).toBe(200);
    expect(await auditOf('matched')).toHaveLength(3);
  });

  // Each is decided again on what the one before has left: none is lost, and the audit's from and to make one chain.
  test('and five others at once all hold, one after another', async () => {
    const created = await createSite({ id: 'busy', name: 'n0' });
    const names = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'];
    const answers = await Promise.all(names.map((name) => asAdmin('PATCH', '/v1/sites/busy', { name })));
    expect(answers.map(({ status }) => status)).toEqual(names.map(() => 200));
    await Promise.all(answers.map((answer) => answer.body?.cancel()));
    const changes = (await auditOf('busy')).toReversed().slice(1);
    const steps = changes.map(({ details }) => details.name as { from: string; to: string });
    expect(steps.map(({ to }) => to).toSorted()).toEqual(names);
    expect(steps.map(({ from }) => from)).toEqual(['n0', ...steps.slice(0, -1).map(({ to }) => to)]);
    expect(await readSite('busy')).toEqual({ ...created, name: steps.at(-1)!.to });
  });
});

describe('what is refused names the field', () => {
  const origin = 'https://a.example';
  const many = (length: number, of: (index: number) => string) => Array.from({ length }, (_, index) => of(index));
  const SETTINGS: { field: string; body: object }[] = [
    { field: 'name', body: { name: '' } },
    { field: 'name', body: { name: '   ' } },
    { field: 'name', body: { name: 7 } },
    { field: 'name', body: { name: 'x'.repeat(101) } },
    { field: 'name', body: { name: 'two\nlines' } },
    { field: 'origins', body: { origins: origin } },
    { field: 'origins', body: { origins: null } },
    { field: 'origins', body: { origins: many(101, (index) => `https://a${index}.example`) } },
    ...['*', 'null', '', 'https://*', 'shop.example', `${origin}/path`, `${origin}?q`, 'http://*.a.example', 'https://[::1]'].map(
      (bad) => ({
        field: 'origins.1',
        body: { origins: [origin, bad] },
      }),
    ),
    { field: 'origins.0', body: { origins: ["https://a.example'; DROP TABLE sites; --"] } },
    { field: 'origins.0', body: { origins: ['https://a.example\r\nset-cookie: a=b'] } },
    { field: 'models', body: { models: 'tiny' } },
    { field: 'models.0', body: { models: ['Not An Id'] } },
    { field: 'loras', body: { loras: {} } },
    { field: 'loras.1', body: { loras: ['pip', null] } },
    { field: 'dailyBytes', body: { dailyBytes: -1 } },
    { field: 'dailyBytes', body: { dailyBytes: 1.5 } },
    { field: 'dailyBytes', body: { dailyBytes: 2 ** 53 } },
    { field: 'dailyBytes', body: { dailyBytes: '5' } },
    { field: 'dailyGenerations', body: { dailyGenerations: -1 } },
    { field: 'disabled', body: { disabled: 1 } },
    { field: 'keys', body: { keys: [] } },
    { field: 'revision', body: { revision: 1 } },
    { field: '__proto__', body: JSON.parse('{"__proto__": {"disabled": true}}') as object },
  ];

  test.for([
    ...SETTINGS,
    { field: 'id', body: { id: 'all' } },
    { field: 'id', body: { id: '../x' } },
    { field: 'id', body: { id: '' } },
    { field: 'id', body: { id: 'x'.repeat(65) } },
  ])('$field of a new site: $body', async ({ field, body }) => {
    const response = await asAdmin(
      'POST',
      '/v1/sites',
      JSON.stringify({ name: 'Good' }).slice(0, -1) + `,${JSON.stringify(body).slice(1)}`,
    );
    const problem = await problemOf(response);
    expect(problem).toMatchObject({ status: 400, code: 'request_invalid', field });
    expect(problem.detail).toMatch(new RegExp(`^${field}: `));
  });

  test.for([...SETTINGS, { field: 'id', body: { id: 'other' } }, { field: '', body: {} }])(
    '$field of a change: $body',
    async ({ field, body }) => {
      const response = await asAdmin('PATCH', '/v1/sites/full', body);
      expect(await problemOf(response)).toMatchObject({ status: 400, code: 'request_invalid', field });
    },
  );

  test.for([
    { body: { models: ['tiny', 'huge'] }, field: 'models', unknown: ['huge'], has: 'it has tiny' },
    { body: { loras: ['pop', 'zip'] }, field: 'loras', unknown: ['pop', 'zip'], has: 'it has pip' },
  ])('$field that the catalogue does not have', async ({ body, field, unknown, has }) => {
    for (const response of [await asAdmin('POST', '/v1/sites', { name: 'x', ...body }), await asAdmin('PATCH', '/v1/sites/full', body)]) {
      const problem = await problemOf(response);
      expect(problem).toMatchObject({ status: 400, code: 'not_in_catalogue', field, unknown, detail: expect.stringContaining(has) });
    }
  });

  test('no name, no JSON, and more than 64 KiB', async () => {
    expect(await problemOf(await asAdmin('POST', '/v1/sites', {}))).toMatchObject({ code: 'request_invalid', field: 'name' });
    expect(await problemOf(await asAdmin('POST', '/v1/sites', '{'))).toMatchObject({
      code: 'request_invalid',
      detail: 'The body is not JSON.',
    });
    expect(await problemOf(await asAdmin('PATCH', '/v1/sites/full', ' '.repeat(65_537)))).toMatchObject({ status: 413 });
  });

  test('and changes nothing', async () => {
    expect(await auditOf('full')).toHaveLength(1);
    expect(await readSite('full')).toMatchObject({ name: 'A shop', disabled: true });
  });
});

test.for([
  { method: 'GET', path: '/v1/sites/nobody' },
  { method: 'GET', path: '/v1/sites/all' },
  { method: 'PATCH', path: '/v1/sites/nobody', body: { name: 'x' } },
  { method: 'POST', path: '/v1/sites/nobody/keys', body: {} },
  { method: 'DELETE', path: '/v1/sites/nobody/keys/pk_demo' },
  { method: 'GET', path: '/v1/sites/nobody/audit' },
  { method: 'GET', path: `/v1/sites/${encodeURIComponent("' OR 1=1 --")}` },
  { method: 'GET', path: `/v1/sites/${'x'.repeat(2000)}` },
] as { method: string; path: string; body?: object }[])('$method $path: there is no such site', async ({ method, path, body }) => {
  expect(await problemOf(await asAdmin(method, path, body))).toMatchObject({ status: 404, code: 'site_not_found' });
});

describe('pages', () => {
  test('of sites: every site once, in the order of ids, whatever the size of a page', async () => {
    for (const id of ['p1', 'p3', 'p2', 'P2', 'p_']) await createSite({ id, name: id });
    const { results } = await env.DB.prepare('SELECT id FROM sites ORDER BY id').all<{ id: string }>();
    for (const limit of [1, 3, results.length, MAX_PAGE]) {
      const ids: string[] = [];
      for (let cursor: string | null = ''; cursor !== null;) {
        const query = new URLSearchParams({ limit: String(limit), ...(cursor && { cursor }) });
        const page: SitePage = v.parse(SitePage, await (await asAdmin('GET', `/v1/sites?${query}`)).json());
        expect(page.sites.length).toBeLessThanOrEqual(limit);
        ids.push(...page.sites.map(({ id }) => id));
        cursor = page.cursor;
      }
      expect(ids).toEqual(results.map(({ id }) => id));
    }
  });

  test('of the audit: every row once, the newest first; of one site only its own', async () => {
    const { results } = await env.DB.prepare('SELECT id, site FROM audit ORDER BY id DESC').all<{ id: number; site: string }>();
    const read = async (path: string) => {
      const ids: number[] = [];
      for (let cursor: string | null = ''; cursor !== null;) {
        const query = new URLSearchParams({ limit: '7', ...(cursor && { cursor }) });
        const page: AuditPage = v.parse(AuditPage, await (await asAdmin('GET', `${path}?${query}`)).json());
        ids.push(...page.entries.map(({ id }) => id));
        cursor = page.cursor;
      }
      return ids;
    };
    expect(results.length).toBeGreaterThan(20);
    expect(await read('/v1/audit')).toEqual(results.map(({ id }) => id));
    const own = results.filter(({ site }) => site === 'changing').map(({ id }) => id);
    expect(own.length).toBeGreaterThan(7);
    expect(await read('/v1/sites/changing/audit')).toEqual(own);
  });

  test.for([
    { query: 'limit=0', field: 'limit' },
    { query: `limit=${MAX_PAGE + 1}`, field: 'limit' },
    { query: 'limit=1e1', field: 'limit' },
    { query: 'limit=-1', field: 'limit' },
    { query: 'limit=', field: 'limit' },
    { query: "cursor=1'--", field: 'cursor' },
    { query: 'cursor=', field: 'cursor' },
    { query: 'offset=5', field: 'offset' },
  ])('?$query is refused', async ({ query, field }) => {
    for (const path of ['/v1/sites', '/v1/audit', '/v1/sites/full/audit'])
      expect(await problemOf(await asAdmin('GET', `${path}?${query}`))).toMatchObject({ status: 400, code: 'request_invalid', field });
  });
});

describe('the audit', () => {
  test('names who, what and which request', async () => {
    const started = Date.now();
    const response = await asAdmin('POST', '/v1/sites', { id: 'audited', name: 'Audited' });
    const { keys } = await response.json<SiteRecord>();
    const [entry, ...others] = await auditOf('audited');
    expect(others).toEqual([]);
    expect(entry).toEqual({
      id: expect.any(Number),
      at: expect.any(String),
      actor: 'token:tester',
      action: 'site.create',
      site: 'audited',
      details: { name: 'Audited', ...UNLIMITED, key: keys[0]!.key },
      requestId: response.headers.get('x-request-id'),
    });
    expect(Date.parse(entry!.at)).toBeGreaterThanOrEqual(started);
  });

  test('holds no token', async () => {
    const { results } = await env.DB.prepare('SELECT * FROM audit').all();
    expect(results.length).toBeGreaterThan(20);
    for (const entry of env.ADMIN_TOKEN.split(',')) expect(JSON.stringify(results)).not.toContain(entry.split(':')[1]);
  });

  test.for(["UPDATE audit SET actor = 'nobody'", 'DELETE FROM audit'])('is only added to: %s', async (sql) => {
    await expect(env.DB.prepare(sql).run()).rejects.toThrow(/audit rows are not/);
  });
});
