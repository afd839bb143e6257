/** Requests byte by byte, which no browser and no HTTP library would send, to the running Worker's own socket. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Miniflare } from 'miniflare';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fillWorkerd, openWorkerd, SECRETS } from '../bench/local-workerd.ts';

const KEY = 'pk_raw';
const TOKEN = SECRETS.ADMIN_TOKEN.split(':')[1]!;
const ORIGIN = 'https://shop.example';
const SHA = 'a'.repeat(64);

let workerd: Miniflare;
let address: URL;
let signed: string;

beforeAll(async () => {
  workerd = await openWorkerd('worker/index.ts');
  address = await workerd.ready;
  await fillWorkerd(workerd, KEY, ORIGIN);
  const { objects } = await (await workerd.getR2Bucket('WEIGHTS')).list({ prefix: 'blobs/', limit: 1 });
  const body = JSON.stringify({ hashes: [objects[0]!.key.slice('blobs/'.length)] });
  const answer = await fetch(new URL(`/v1/downloads?site=${KEY}`, address), { method: 'POST', headers: { origin: ORIGIN }, body });
  const { downloads } = (await answer.json()) as { downloads: { url: string }[] };
  const { pathname, search } = new URL(downloads[0]!.url);
  signed = pathname + search;
});

afterAll(() => workerd?.dispose());

/** Everything that comes back until the connection ends, as Latin-1. */
async function sendRaw(text: string): Promise<string> {
  const socket = connect(Number(address.port), address.hostname);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // An end before all was sent is an answer too.
  socket.on('error', () => socket.destroy());
  socket.setTimeout(10_000, () => socket.destroy(new Error('no end within 10 s')));
  const closed = once(socket, 'close');
  socket.write(Buffer.from(text, 'latin1'));
  await closed;
  return Buffer.concat(chunks).toString('latin1');
}

const get = (target: string, headers: string[] = []) =>
  [`GET ${target} HTTP/1.1`, `host: ${address.host}`, 'connection: close', ...headers, '', ''].join('\r\n');
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
const headersOf = (answer: string) => answer.slice(0, answer.indexOf('\r\n\r\n')).toLowerCase();

/** What an answer may never be, whatever came. */
function expectClean(answer: string, what: string): void {
  const headers = headersOf(answer);
  expect(headers, what).not.toMatch(/\r\n(set-cookie|x-injected|location):/);
  expect(answer.match(/HTTP\/1\.1 \d{3}/g)?.length ?? 0, what).toBeLessThanOrEqual(1);
  expect(answer, what).not.toMatch(/\n\s+at \S+ ?\(|node_modules|D1_ERROR|SQLITE_/);
  for (const secret of Object.values(SECRETS)) expect(answer, what).not.toContain(secret.split(':')[1]);
}

const INJECTED = '%0d%0aset-cookie:%20a=b%0d%0ax-injected:%201%0d%0a%0d%0a%3cscript%3e';

describe('paths and queries', () => {
  const PATHS: [target: string, status: number, why: string][] = [
    [`/v1/manifest?site=${INJECTED}`, 403, 'a site key that would be two headers'],
    [`/v1/${INJECTED}`, 404, 'a path that would be'],
    [`/v1/weights/${SHA}${INJECTED}?site=a&exp=1&kid=new&sig=a.b`, 403, 'a hash that would be'],
    [`/embed/studio?site=${INJECTED}`, 403, 'a page that would be'],
    [`/v1/sites/${INJECTED}/analytics?format=csv`, 401, 'a file name that would be, without a token'],
    ['/v1/weights/..%2f..%2fcatalogue%2fmanifest.json', 401, 'out of the folder, by slashes that the router does not see'],
    ['/v1/weights/..%5c..%5ccatalogue', 401, 'the same by backslashes'],
    ['/v1/weights/../../catalogue/manifest.json', 404, 'dot segments, as they are'],
    ['/v1/weights/%2e%2e/%2e%2e/healthz', 200, 'dot segments of the URL standard, escaped: they lead to a public route'],
    ['/v1/manifest/../sites', 401, 'dot segments around the admin’s guard'],
    ['/v1/manifest/%2e%2e/sites', 401, 'the same, escaped'],
    ['/v1/./sites', 401, 'a dot'],
    ['/embed/../v1/audit', 401, 'from where nothing is guarded'],
    ['/v1/%73ites', 401, 'an escaped letter'],
    ['/v1/%2573ites', 404, 'a letter that is escaped twice: unescaped once'],
    ['/v1\\sites', 401, 'a backslash, which the URL standard makes a slash'],
    ['//v1/sites', 404, 'an empty segment is a segment'],
    ['/v1//sites', 404, 'the same within'],
    ['/v1/sites%00', 404, 'a null byte'],
    ['/v1/sites%0a', 404, 'a line feed'],
    ['/v1/sites%2fpk_raw', 404, 'an escaped slash'],
    ['/v1/sites;a=b', 404, 'parameters of a segment'],
    ['/v1/weights/%ff%fe', 401, 'no UTF-8'],
    [`/v1/weights/${'%EF%BD%81'.repeat(64)}`, 401, 'letters of full width for a hash'],
    [`/v1/weights/${'%D0%B0'.repeat(64)}`, 401, 'Cyrillic letters that look like it'],
    [`/v1/weights/${'%E2%80%8B'}${SHA}`, 401, 'a hash behind a space of no width'],
    [`/v1/weights/${SHA.toUpperCase()}`, 401, 'a hash in capitals'],
    ['/v1/weights/%', 401, 'an escape without digits'],
    [`/${'a'.repeat(15_000)}`, 404, 'a long path'],
    [`/v1/manifest?site=${'a'.repeat(15_000)}`, 403, 'a long key'],
    [`/v1/manifest?${'site=x&'.repeat(1000)}`, 403, 'the same parameter a thousand times'],
    ['/v1/manifest?__proto__[site]=pk_raw', 401, 'a parameter that a parser would make a prototype'],
  ];

  test.each(PATHS)('%s is %i', async (target, status, why) => {
    const answer = await sendRaw(get(target));
    expect(statusOf(answer), why).toBe(status);
    expectClean(answer, why);
  });

  test('none of the spellings that end at the guard get past it with a site key', async () => {
    for (const [target] of PATHS.filter(([target, status]) => status === 401 && target.includes('sites'))) {
      const answer = await sendRaw(get(target, [`authorization: Bearer ${KEY}`]));
      expect(statusOf(answer), target).toBe(401);
    }
  });
});

describe('headers', () => {
  const HEADERS: [header: string, why: string][] = [
    ['origin: https://shop.example\rx-injected: 1', 'a carriage return alone'],
    ['origin: https://shop.example\nx-injected: 1', 'a line feed alone'],
    ['origin: https://shop.example\0.evil.test', 'a null byte'],
    ['origin: https://shop.example\r\n https://evil.test', 'a folded line'],
    ['origin : https://shop.example', 'a space before the colon'],
    ['cf-ray: 0123456789abcdef-FRA\r\nx-injected: 1', 'what the edge repeats as X-Request-Id, and a header after it'],
    ['cf-ray: <script>alert(1)</script>', 'what the edge repeats, if it is of the platform’s form'],
    ['if-none-match: "a"\r\n\tset-cookie: a=b', 'a folded ETag'],
    ['range: bytes=0-\xff', 'bytes beyond ASCII'],
    [`cookie: ${'a'.repeat(20_000)}`, 'a large one'],
    [Array.from({ length: 300 }, (_, i) => `x-${i}: 1`).join('\r\n'), 'many'],
    ['x-forwarded-host: evil.test\r\nx-forwarded-proto: http\r\nforwarded: host=evil.test', 'what proxies write'],
  ];

  test.each(HEADERS)('%j', async (header, why) => {
    for (const target of [`/v1/manifest?site=${KEY}`, signed, '/v1/sites']) {
      const answer = await sendRaw(get(target, [header]));
      expect(statusOf(answer) || 400, why).toBeLessThan(500);
      expectClean(answer, why);
      // An answer for another origin than the one that is allowed would be the injection itself.
      expect(headersOf(answer).match(/access-control-allow-origin: (.*)/)?.[1] ?? ORIGIN, why).toBe(ORIGIN);
      expect(headersOf(answer), why).not.toContain('evil.test');
    }
  });
});

describe('one request is one request', () => {
  const admin = `GET /v1/sites HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\n\r\n`;
  const post = (lines: string[], body: string) =>
    [`POST /v1/telemetry?site=${KEY} HTTP/1.1`, 'host: x', `origin: ${ORIGIN}`, 'connection: close', ...lines, '', body].join('\r\n');
  const SMUGGLED: [what: string, text: () => string][] = [
    ['a length and chunks', () => post([`content-length: ${5 + admin.length}`, 'transfer-encoding: chunked'], `0\r\n\r\n${admin}`)],
    ['two lengths', () => post(['content-length: 2', `content-length: ${2 + admin.length}`], `{}${admin}`)],
    ['a length that is shorter than the body', () => post(['content-length: 2'], `{}${admin}`)],
    ['a length with a sign', () => post(['content-length: +2'], `{}${admin}`)],
    ['a negative length', () => post(['content-length: -1'], `{}${admin}`)],
    ['chunks under another name', () => post(['transfer-encoding: xchunked', 'content-length: 2'], `{}${admin}`)],
    ['a chunk of no hexadecimal size', () => post(['transfer-encoding: chunked'], `zz\r\n{}\r\n0\r\n\r\n${admin}`)],
    ['no version', () => `GET /v1/sites\r\nauthorization: Bearer ${TOKEN}\r\n\r\n`],
    ['no method', () => `/v1/sites HTTP/1.1\r\nhost: x\r\n\r\n`],
    ['a method in small letters', () => `get /v1/manifest HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`],
    ['nothing but bytes', () => String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i)) + '\r\n\r\n'],
  ];

  test.each(SMUGGLED)('%s', async (_, text) => {
    const answer = await sendRaw(text());
    expectClean(answer, answer.slice(0, 500));
    // The request within the body has the token: its answer would be the list of sites.
    expect(answer).not.toContain('"sites":[');
  });
});

test('afterwards the edge serves', async () => {
  expect(statusOf(await sendRaw(get(signed)))).toBe(200);
  expect(statusOf(await sendRaw(get('/v1/sites', [`authorization: Bearer ${TOKEN}`])))).toBe(200);
});
