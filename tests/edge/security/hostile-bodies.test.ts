/** Bodies that are no answer to any form, on every route that takes one. None may cost more than its 64 KiB, or be anything but refused. */
import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
import { createSite } from '../admin-requests.ts';
import { fetchEdge, problemOf } from '../fetch-edge.ts';
import { hashOf, publish } from '../store-fixture.ts';
import { databaseDump } from './database-dump.ts';
import { documentedRequests, filled } from './documented-requests.ts';
import { expectNoLeak } from './expect-no-leak.ts';

const TOKEN = env.ADMIN_TOKEN.split(',')[0]!.split(':')[1]!;
const ORIGIN = 'https://shop.example';
await publish();
const { id, keys } = await createSite({ id: 'bodies', name: 'Bodies', origins: [ORIGIN] });

const MAX_BYTES = 64 * 1024;
const bytesOf = (text: string) => Uint8Array.from(new TextEncoder().encode(text));

async function gzipped(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const nested = (depth: number, [open, close]: readonly [string, string], middle = '') => open.repeat(depth) + middle + close.repeat(depth);
const [ARRAY, OBJECT] = [
  ['[', ']'],
  ['{"a":', '}'],
] as const;
const VALID = JSON.stringify({ hashes: [hashOf('5')] });

interface Body {
  what: string;
  why: string;
  body: string | Uint8Array<ArrayBuffer>;
  headers?: Record<string, string>;
  /** Where it must be one of the two. */
  status?: readonly number[];
}

/** Routes have limits of their own: what one refuses as too large, another refuses as what it is. */
const EITHER = [400, 413];

const BODIES: Body[] = [
  {
    what: '100,000 arrays, one in the other',
    why: 'a parser that recurses runs out of stack',
    body: nested(100_000, ARRAY),
    status: [413],
  },
  { what: '30,000 arrays within the limit', why: 'the limit of bytes alone does not bound the depth', body: nested(30_000, ARRAY) },
  { what: '9,000 objects', why: 'the same of objects', body: nested(9_000, OBJECT, '1') },
  { what: '30,000 arrays where hashes are expected', why: 'and of what a schema walks', body: `{"hashes":${nested(30_000, ARRAY)}}` },
  { what: '60,000 arrays that never end', why: 'fails as late as it can', body: '['.repeat(60_000) },
  { what: 'a byte too much', why: 'the limit is exact', body: `"${'x'.repeat(MAX_BYTES - 1)}"`, status: [413] },
  { what: 'a megabyte', why: 'and is not read to the end', body: 'x'.repeat(1_000_000), status: [413] },
  {
    what: '5,000 members',
    why: 'a strict object names the first that it does not know',
    body: `{${Array.from({ length: 5_000 }, (_, i) => `"${i}":0`).join()}}`,
  },
  { what: '20,000 hashes', why: 'a list has its own limit', body: `{"hashes":[${'0,'.repeat(20_000)}0]}` },
  {
    what: 'a prototype',
    why: 'a member that a careless merge takes for the object’s own',
    body: '{"__proto__":{"disabled":false,"hashes":[]}}',
  },
  { what: 'a constructor', why: 'the same by another name', body: '{"constructor":{"prototype":{"polluted":1}}}' },
  { what: 'nothing', why: 'no body is no object', body: '' },
  { what: 'null', why: 'which is an object to JavaScript', body: 'null' },
  { what: 'a number out of range', why: 'Infinity to JSON.parse', body: '1e999' },
  { what: 'a text', why: 'no object', body: '"hashes"' },
  { what: 'two objects', why: 'the second would not be seen', body: '{}{}' },
  { what: 'a comment', why: 'not JSON', body: '{/*hashes*/}' },
  { what: 'NaN', why: 'not JSON', body: '{"hashes":NaN}' },
  { what: 'a null byte', why: 'ends texts in C', body: '{"hashes":"\u0000"}' },
  { what: 'half a surrogate pair', why: 'no UTF-8 of it exists', body: String.raw`{"hashes":["\ud800"]}` },
  {
    what: 'bytes that are no UTF-8',
    why: 'become replacement characters',
    body: Uint8Array.of(0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d),
  },
  {
    what: 'UTF-16',
    why: 'a charset is not asked',
    body: Uint8Array.from([...bytesOf(VALID)].flatMap((byte) => [byte, 0])),
    headers: { 'content-type': 'application/json; charset=utf-16' },
  },
  {
    what: 'a compressed body',
    why: 'what is unpacked before it is measured may be a thousand times as large',
    body: await gzipped(VALID),
    headers: { 'content-encoding': 'gzip' },
  },
  {
    what: 'a compressed megabyte',
    why: 'the bomb itself: 1 KiB on the wire',
    body: await gzipped(`"${'0'.repeat(1_000_000)}"`),
    headers: { 'content-encoding': 'gzip' },
  },
  {
    what: 'a form',
    why: 'what another site’s form can send without a preflight',
    body: 'hashes=1&site=2',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  },
  {
    what: 'a form of parts',
    why: 'the same',
    body: '--x\r\ncontent-disposition: form-data; name="hashes"\r\n\r\n1\r\n--x--',
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
  },
  {
    what: 'XML that reads a file',
    why: 'nobody parses it',
    body: '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    headers: { 'content-type': 'application/xml' },
  },
];

const routes = documentedRequests.filter(({ operation }) => operation.requestBody !== undefined);

test('the routes that take a body', () => {
  expect(routes.map(({ method, template }) => `${method} ${template}`).toSorted()).toEqual([
    'PATCH /v1/sites/{id}',
    'POST /v1/downloads',
    'POST /v1/sites',
    'POST /v1/sites/{id}/keys',
    'POST /v1/telemetry',
  ]);
});

describe.for(routes)('$method $template', ({ method, template, operation }) => {
  const send = (body: string | Uint8Array<ArrayBuffer> | ReadableStream, headers: Record<string, string> = {}) => {
    const credentials = operation.security ? { authorization: `Bearer ${TOKEN}` } : { origin: ORIGIN };
    const path = filled(template, { id }) + (operation.security ? '' : `?site=${keys[0]!.key}`);
    return fetchEdge(path, { method, headers: { ...credentials, ...headers }, body });
  };

  test.for(BODIES)('$what ($why)', async ({ body, headers, status = EITHER }) => {
    const before = await databaseDump();
    const response = await send(body, headers);
    const problem = await problemOf(response.clone());
    expect(status).toContain(problem.status);
    expect(problem.detail.length).toBeLessThan(600);
    await expectNoLeak(response);
    expect(await databaseDump()).toEqual(before);
  });

  test('a body without end is read as far as the limit', async () => {
    let sent = 0;
    const endless = new ReadableStream({
      pull: (controller) => {
        sent += 16_384;
        controller.enqueue(bytesOf(' '.repeat(16_384)));
      },
    });
    expect(await problemOf(await send(endless))).toMatchObject({ status: 413, code: 'payload_too_large' });
    expect(sent).toBeLessThan(4 * MAX_BYTES);
  });
});

test('no object has been given a member', () => {
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect('polluted' in {}).toBe(false);
});
