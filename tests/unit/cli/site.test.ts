import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { Command, CommanderError } from 'commander';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { siteCommand } from '../../../models-manifest/cli/commands/site.ts';
import { reportError } from '../../../models-manifest/cli/console.ts';
import { AdminClient } from '../../../models-manifest/cli/site/admin-client.ts';
import { adminToken } from '../../../models-manifest/cli/site/admin-token.ts';
import { changedList } from '../../../models-manifest/cli/site/list-change.ts';
import { bytesOrUnlimited, countOrUnlimited, seconds } from '../../../models-manifest/cli/site/quantities.ts';
import { listSites, rotateKey } from '../../../models-manifest/cli/site/site-requests.ts';
import { MAX_PAGE, SiteRecord } from '../../../shared/site-settings.ts';
import { ADMIN_TOKEN, adminEdge } from './admin-edge.ts';
import { diptych, type Ended } from './diptych-process.ts';
import { tempRoot } from './temp-root.ts';

const root = tempRoot();
const edge = adminEdge(root);
const tokenFile = path.join(root, 'token');

/** `diptych site` against the edge, in a process of its own, as people start it. */
const started = (...args: string[]): Promise<Ended> => diptych('site', '--edge', edge.origin, '--token-file', tokenFile, ...args);

/** The same in this process, which takes a tenth of the time. */
async function site(...args: string[]): Promise<Ended> {
  const program = new Command('diptych').option('--json', '', false).exitOverride();
  siteCommand(program);
  for (const command of program.commands.flatMap((child) => [child, ...child.commands])) command.exitOverride();
  const written = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      written[name] += String(text);
      return true;
    }),
  );
  const options = ['--edge', edge.origin, '--token-file', tokenFile];
  const code = await program.parseAsync(['site', ...options, ...args], { from: 'user' }).then(
    () => 0,
    (thrown: unknown) => (thrown instanceof CommanderError ? 2 : reportError(thrown, args.includes('--json'))),
  );
  for (const spy of spies) spy.mockRestore();
  return { code, ...written };
}

async function siteJson(...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await site('--json', ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

const LORA = { model: 'tiny', kind: 'subject', trigger: 'a', license: 'MIT', author: 'a', rank: 1, layerCount: 1 };
const loraEntry = (id: string, digit: string) => ({ ...LORA, id, name: id, file: { sha256: digit.repeat(64), bytes: 1 } });

beforeAll(async () => {
  await writeFile(tokenFile, `${ADMIN_TOKEN}\n`);
  await edge.put(
    'catalogue/manifest.json',
    JSON.stringify({ version: 1, models: [], loras: [loraEntry('pip', '1'), loraEntry('knit', '2')] }),
  );
});

test('a site from its creation to its audit', async () => {
  const origins = ['https://shop.example', 'https://*.shop.example'];
  const created = await siteJson('create', '--name', 'A shop', '--id', 'shop', '--origin', ...origins, '--bytes', '50GB');
  const key = (created as SiteRecord).keys[0]!.key;
  expect(created).toMatchObject({
    id: 'shop',
    name: 'A shop',
    origins,
    models: null,
    loras: null,
    dailyBytes: 50e9,
    dailyGenerations: null,
  });

  const changes: [args: string[], effect: Partial<SiteRecord>][] = [
    [['origins', 'shop', '--add', 'HTTP://localhost:*'], { origins: [...origins, 'http://localhost:*'] }],
    [
      ['origins', 'shop', '--remove', 'https://SHOP.example/', '--add', 'https://b.example'],
      { origins: [origins[1]!, 'http://localhost:*', 'https://b.example'] },
    ],
    [['origins', 'shop', '--set', 'https://c.example'], { origins: ['https://c.example'] }],
    [['loras', 'shop', '--set', 'pip'], { loras: ['pip'] }],
    [['loras', 'shop', '--add', 'knit', '--remove', 'pip'], { loras: ['knit'] }],
    [['loras', 'shop', '--all'], { loras: null }],
    [['quota', 'shop', '--bytes', 'unlimited', '--generations', '0'], { dailyBytes: null, dailyGenerations: 0 }],
    [['disable', 'shop'], { disabled: true }],
    [['enable', 'shop'], { disabled: false }],
    [['rename', 'shop', 'Our shop'], { name: 'Our shop' }],
  ];
  for (const [args, effect] of changes) expect(await siteJson(...args)).toMatchObject(effect);

  const rotated = (await siteJson('rotate', 'shop', '--overlap', '12h')) as { key: string; site: SiteRecord };
  const [old, fresh] = rotated.site.keys;
  expect([old!.key, fresh]).toEqual([key, { key: rotated.key, created: expect.any(String), expires: null }]);
  expect(Date.parse(old!.expires!) - Date.parse(fresh!.created)).toBe(12 * 3_600_000);
  expect(await siteJson('revoke', 'shop', key)).toMatchObject({ keys: [fresh] });

  const shown = (await siteJson('show', 'shop')) as SiteRecord;
  expect(shown).toMatchObject({ id: 'shop', name: 'Our shop', origins: ['https://c.example'], dailyGenerations: 0, keys: [fresh] });
  expect(await siteJson('list')).toEqual([shown]);
  const audit = (await siteJson('audit', 'shop')) as { action: string; actor: string; site: string }[];
  const actions = ['site.create', ...changes.map(() => 'site.change'), 'key.rotate', 'key.revoke'];
  expect(audit.map(({ action }) => action)).toEqual(actions.toReversed());
  expect(new Set(audit.map(({ actor }) => actor))).toEqual(new Set(['token:console']));
  expect(await siteJson('audit', '--limit', '2')).toEqual(audit.slice(0, 2));
}, 60_000);

test('what people read', async () => {
  const { stdout: created } = await site('create', '--name', 'Readable', '--id', 'readable', '--origin', 'https://r.example');
  const key = /pk_[0-9a-f]{24}/.exec(created)![0];
  expect(created.split('\n')).toEqual([
    'id              readable',
    'name            Readable',
    'state           enabled',
    expect.stringMatching(/^created         20\d\d-\d\d-\d\dT[\d:.]+Z$/),
    `key             ${key}`,
    'origins         https://r.example',
    'models          all',
    'loras           all',
    'bytes a day     unlimited',
    'pictures a day  unlimited',
    '',
  ] as string[]);
  expect((await site('disable', 'readable')).stdout).toBe('readable is disabled.\n');
  const row = (await site('list')).stdout.split('\n').find((line) => line.startsWith('readable'));
  expect(row?.split(/ {2,}/)).toEqual(['readable', 'Readable', 'disabled', key, 'https://r.example']);
  const { stdout: rotated } = await site('rotate', 'readable');
  expect(rotated).toMatch(new RegExp(`^pk_[0-9a-f]{24} is the new key of readable\\.\n${key} is accepted until 20[\\dT:.-]+Z\\.\n$`));
  expect((await site('origins', 'readable')).stdout).toBe('https://r.example\n');
  expect((await site('quota', 'readable')).stdout).toBe('bytes a day     unlimited\npictures a day  unlimited\n');
  expect((await site('audit', 'readable', '--limit', '1')).stdout).toMatch(
    /^TIME +WHO +WHAT +SITE +DETAILS\n20\S+ +token:console +key\.rotate +readable +\{"key":/,
  );
});

describe('what is refused', () => {
  test.for([
    { args: ['show', 'nobody'], code: 1, error: 'site_not_found' },
    { args: ['create', '--name', 'x', '--origin', 'https://x.example/path'], code: 2, error: 'https://x.example/path is no origin' },
    { args: ['create', '--name', '', '--id', 'unnamed'], code: 1, error: 'request_invalid]: name:' },
    {
      args: ['create', '--name', 'x', '--lora', 'pop'],
      code: 1,
      error: 'not_in_catalogue]: loras: the catalogue has no pop; it has pip, knit',
    },
    { args: ['origins', 'readable', '--remove', 'https://x.example'], code: 2, error: 'usage]: https://x.example is not in the list' },
    { args: ['loras', 'readable', '--add', 'pip'], code: 2, error: 'usage]: everything is allowed' },
    { args: ['loras', 'readable', '--all', '--add', 'pip'], code: 2, error: 'usage]: --set, --all' },
    { args: ['rotate', 'readable', '--overlap', 'soon'], code: 2, error: 'duration such as 7d' },
    { args: ['quota', 'readable', '--bytes', '5 apples'], code: 2, error: 'size such as 50GB' },
    { args: ['revoke', 'readable', 'pk_never'], code: 1, error: 'site_key_not_found' },
  ])('$args', async ({ args, code, error }) => {
    const ended = await site(...args);
    expect(ended).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(error) });
    expect(ended.stderr).not.toContain(ADMIN_TOKEN);
  });

  test('of which a process tells by its exit code', async () => {
    const codes = await Promise.all(
      [
        ['show', 'readable'],
        ['show', 'nobody'],
        ['quota', 'readable', '--bytes', 'all'],
      ].map((args) => started(...args)),
    );
    expect(codes.map(({ code }) => code)).toEqual([0, 1, 2]);
  });

  test('another’s token, as JSON for machines', async () => {
    const file = path.join(root, 'wrong');
    await writeFile(file, 'x'.repeat(40));
    const { code, stdout, stderr } = await diptych('site', '--edge', edge.origin, '--token-file', file, '--json', 'list');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'admin_credentials_invalid' } });
  });
});

// Two administrators who both read, and both add: the second must not take away what the first has added.
test('a list that somebody else changed in between is not overwritten', async () => {
  const admin = new AdminClient(new URL(edge.origin), ADMIN_TOKEN);
  const { etag } = await admin.request('GET', '/v1/sites/readable', SiteRecord);
  await rotateKey(admin, 'readable', 0);
  const late = admin.request('PATCH', '/v1/sites/readable', SiteRecord, { body: { origins: [] }, ifMatch: etag });
  await expect(late).rejects.toMatchObject({ code: 'site_changed' });
});

test('more sites than a page holds are all listed', async () => {
  const ids = Array.from({ length: MAX_PAGE + 1 }, (_, index) => `many-${String(index).padStart(4, '0')}`);
  await edge.sql("INSERT INTO sites (id, name) SELECT value, 'Many' FROM json_each(?1)", JSON.stringify(ids));
  const listed = await listSites(new AdminClient(new URL(edge.origin), ADMIN_TOKEN));
  expect(listed.map(({ id }) => id).filter((id) => id.startsWith('many-'))).toEqual(ids);
});

describe('where the token comes from', () => {
  const here = new URL('http://localhost:8787');
  const away = new URL('https://edge.example');
  const before = process.env.DIPTYCH_ADMIN_TOKEN;
  afterAll(() => {
    if (before === undefined) delete process.env.DIPTYCH_ADMIN_TOKEN;
    else process.env.DIPTYCH_ADMIN_TOKEN = before;
  });

  test.for([
    { text: 'token-alone\n', token: 'token-alone' },
    { text: 'ann:tokenOfAnn', token: 'tokenOfAnn' },
    { text: 'ann:current, ann-before:previous', token: 'current' },
  ])('a file with $text', async ({ text, token }) => {
    const file = path.join(root, 'some');
    await writeFile(file, text);
    expect(await adminToken(away, file)).toBe(token);
  });

  test.for(['', '\n', 'two words'])('a file with %j holds none', async (text) => {
    const file = path.join(root, 'none');
    await writeFile(file, text);
    await expect(adminToken(away, file)).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining('holds no token') });
  });

  test('no file, the environment; and for this machine alone .dev.vars', async () => {
    await expect(adminToken(away, path.join(root, 'absent'))).rejects.toMatchObject({ code: 'usage' });
    process.env.DIPTYCH_ADMIN_TOKEN = 'ann:from-environment';
    expect(await adminToken(away, undefined)).toBe('from-environment');
    expect(await adminToken(here, undefined)).toBe('from-environment');
    delete process.env.DIPTYCH_ADMIN_TOKEN;
    expect(await adminToken(away, undefined)).toBeUndefined();
    const project = process.cwd();
    try {
      process.chdir(root);
      expect(await adminToken(here, undefined)).toBe(ADMIN_TOKEN);
      expect(await adminToken(away, undefined)).toBeUndefined();
    } finally {
      process.chdir(project);
    }
  });

  test('no token at all, or one that would travel in the open', () => {
    expect(() => new AdminClient(away, undefined)).toThrow(/no admin token for https:\/\/edge\.example: set DIPTYCH_ADMIN_TOKEN/);
    expect(() => new AdminClient(new URL('http://edge.example'), ADMIN_TOKEN)).toThrow(/is not https/);
  });
});

describe('what is no admin API', () => {
  const seen: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization);
    if (request.url === '/elsewhere') response.end('{}');
    else if (request.url!.includes('redirect')) response.writeHead(302, { location: '/elsewhere' }).end();
    else if (request.url!.includes('html')) response.setHeader('content-type', 'text/html').end('<html>Sign in</html>');
    else response.setHeader('content-type', 'application/json').end('{"sites": 1}');
  });
  beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  afterAll(() => void server.close());
  const client = () => new AdminClient(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), ADMIN_TOKEN);

  test.for(['redirect', 'html', 'json'])('%s', async (answer) => {
    seen.length = 0;
    await expect(client().request('GET', `/${answer}`, SiteRecord)).rejects.toMatchObject({
      code: 'edge_unreachable',
      message: expect.stringContaining('not this version’s admin API'),
    });
    expect(seen).toEqual([`Bearer ${ADMIN_TOKEN}`]);
  });

  test('nobody listens', async () => {
    const nobody = new AdminClient(new URL('http://127.0.0.1:9'), ADMIN_TOKEN);
    await expect(nobody.request('GET', '/v1/sites', SiteRecord)).rejects.toMatchObject({
      code: 'edge_unreachable',
      message: expect.stringMatching(/127\.0\.0\.1:9 does not answer/),
    });
  });
});

test.for([
  [seconds, '7d', 604_800],
  [seconds, '90s', 90],
  [seconds, '0', 0],
  [seconds, '7', undefined],
  [seconds, '-1d', undefined],
  [seconds, '1.5h', undefined],
  [bytesOrUnlimited, '50GB', 50e9],
  [bytesOrUnlimited, '1.5 TB', 1.5e12],
  [bytesOrUnlimited, '512MiB', 512 * 2 ** 20],
  [bytesOrUnlimited, '0', 0],
  [bytesOrUnlimited, 'unlimited', Infinity],
  [bytesOrUnlimited, '', undefined],
  [bytesOrUnlimited, '5gb', undefined],
  [bytesOrUnlimited, '9999999TB', undefined],
  [countOrUnlimited, '0', 0],
  [countOrUnlimited, 'unlimited', Infinity],
  [countOrUnlimited, '1e3', undefined],
  [countOrUnlimited, '-1', undefined],
] as [(text: string) => number, string, number | undefined][])('%o of %s', ([parse, text, value]) => {
  const parsed = () => {
    try {
      return parse(text);
    } catch {
      return undefined;
    }
  };
  expect(parsed()).toBe(value);
});

test.for([
  { before: ['a', 'b'], options: { add: ['c'], remove: ['a'] }, after: ['b', 'c'] },
  { before: ['a'], options: { set: ['b', 'c'] }, after: ['b', 'c'] },
  { before: null, options: { set: ['b'] }, after: ['b'] },
  { before: ['a'], options: { all: true }, after: null },
  { before: [], options: { add: ['a'] }, after: ['a'] },
])('$before with $options', ({ before, options, after }) => {
  expect(changedList(before, options)).toEqual(after);
});
