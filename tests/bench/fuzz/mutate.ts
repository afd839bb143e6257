import type { Sent } from './corpus.ts';
import type { Random } from './random.ts';

/** What tends to break parsers, databases, headers and pages. */
const NASTY: readonly string[] = [
  '',
  ' ',
  '0',
  '-1',
  '1e309',
  '9007199254740993',
  'null',
  'NaN',
  'undefined',
  'true',
  "' OR 1=1 --",
  "'; DROP TABLE sites; --",
  '" onload="alert(1)',
  '<script>alert(1)</script>',
  '</script><img src=x onerror=alert(1)>',
  '${7*7}',
  '../../../../etc/passwd',
  '..%2f..%2f',
  '%00',
  '%0d%0aset-cookie:%20a=b',
  '%ff%fe',
  '%',
  '\u202e\u0000\ud800',
  '💥'.repeat(20),
  'a'.repeat(5000),
  '__proto__',
  'constructor',
  'toString',
  '*',
  '**/*',
  'pk_',
  `pk_${'a'.repeat(61)}`,
  'all',
  '2026-13-45',
  '-271821-04-20T00:00:00Z',
  '{"a":1}',
  '[]',
];

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'];

const HEADERS: Readonly<Record<string, readonly string[]>> = {
  origin: [
    'null',
    'https://evil.example',
    'HTTPS://SHOP.EXAMPLE',
    'https://shop.example.',
    'https://xn--.example',
    'file://',
    'https://a:b@shop.example',
  ],
  range: [
    'bytes=',
    'bytes=-',
    'bytes=-0',
    'bytes=5-1',
    'bytes=0-0,5-9',
    'bytes=99999999999999999999-',
    'bytes=-1',
    'items=0-1',
    'bytes = 0 - 5',
  ],
  'if-range': ['"x"', 'W/"x"', 'Wed, 21 Oct 2015 07:28:00 GMT'],
  'if-none-match': ['*', 'W/"x"', '"', ','],
  'if-match': ['*', '"1"', '""'],
  authorization: ['Bearer', 'Bearer ', 'Basic YTpi', 'Bearer pk_bench', `Bearer ${'x'.repeat(4000)}`, 'bearer\tx'],
  'cf-access-jwt-assertion': ['a.b.c', 'eyJhbGciOiJub25lIn0.e30.', ''],
  'content-type': ['text/plain', 'application/xml', 'multipart/form-data; boundary=x', 'application/json; charset=utf-16'],
  'content-encoding': ['gzip', 'br', 'identity, gzip'],
  'cf-connecting-ip': ['::1', '1.2.3.4', ':::::', 'x'],
  'cf-ray': ['<script>', '0123456789abcdef-FRA'],
  cookie: ['CF_Authorization=a.b.c'],
  dnt: ['1'],
  'sec-gpc': ['1'],
  'sec-fetch-dest': ['iframe', 'document'],
  referer: ['https://evil.example/', 'not a url', 'https://shop.example@evil.example/'],
  'x-forwarded-host': ['evil.example'],
};

/** The request with one to four things wrong with it. */
export function mutated(request: Sent, random: Random): Sent {
  let result = request;
  for (let left = 1 + random.below(4); left > 0; left--) result = random.pick(MUTATIONS)(result, random);
  return result;
}

type Mutation = (request: Sent, random: Random) => Sent;

const MUTATIONS: readonly Mutation[] = [
  (request, random) => ({ ...request, method: random.pick(METHODS) }),
  inPath,
  inQuery,
  inQuery,
  inHeaders,
  inHeaders,
  inBody,
  inBody,
  inBody,
];

function inPath(request: Sent, random: Random): Sent {
  const [path = '', query] = split(request.path);
  const segments = path.split('/');
  const at = 1 + random.below(segments.length);
  const what = random.pick(['replaced', 'replaced', 'added', 'removed']);
  if (what === 'replaced') segments[at] = nastyPart(random);
  else if (what === 'removed') segments.splice(at, 1);
  else segments.splice(at, 0, random.pick(['', '.', '..', '%2e%2e', '%2f', nastyPart(random)]));
  return { ...request, path: segments.join('/') + query };
}

function inQuery(request: Sent, random: Random): Sent {
  const [path, query] = split(request.path);
  const parameters = query.slice(1).split('&').filter(Boolean);
  const at = random.below(parameters.length + 1);
  const name = parameters[at]?.split('=')[0] ?? random.pick(['site', 'limit', 'cursor', 'filter', 'x']);
  if (random.chance(0.15)) parameters.splice(at, 1);
  else if (random.chance(0.2)) parameters.push(parameters[at] ?? name);
  else parameters[at] = `${name}=${nastyPart(random)}`;
  return { ...request, path: `${path}?${parameters.join('&')}` };
}

function inHeaders(request: Sent, random: Random): Sent {
  const name = random.pick(Object.keys(HEADERS));
  const headers = { ...request.headers };
  if (random.chance(0.2)) delete headers[random.pick(Object.keys(headers)) ?? name];
  // Node refuses to send what no header may hold; such bytes never arrive.
  else headers[name] = random.chance(0.8) ? random.pick(HEADERS[name]!) : random.pick(NASTY).replace(/[^\x20-\x7e]/g, '');
  return { ...request, headers };
}

function inBody(request: Sent, random: Random): Sent {
  const text = typeof request.body === 'string' ? request.body : '{}';
  const wrong: readonly (() => string | Uint8Array)[] = [
    () => text.slice(0, random.below(text.length + 1)),
    () => '['.repeat(100_000),
    () => `{"hashes":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
    () => 'x'.repeat(random.pick([65_535, 65_537, 300_000])),
    () => Uint8Array.from({ length: 200 }, () => random.below(256)),
    () => random.pick(NASTY),
  ];
  const body = random.chance(0.65) ? JSON.stringify(wrongValue(parsed(text), random)) : random.pick(wrong)();
  return { ...request, body };
}

/** JSON with one member of it, wherever it is, replaced, removed, doubled or added. */
function wrongValue(value: unknown, random: Random): unknown {
  if (typeof value !== 'object' || value === null || random.chance(0.15)) return nastyValue(random);
  const entries: [string, unknown][] = Object.entries(value);
  const at = random.below(entries.length + 1);
  if (at === entries.length) entries.push([random.pick(NASTY) || 'extra', nastyValue(random)]);
  else if (random.chance(0.15)) entries.splice(at, 1);
  else entries[at] = [entries[at]![0], wrongValue(entries[at]![1], random)];
  return Array.isArray(value) ? entries.map(([, member]) => member) : Object.fromEntries(entries);
}

function nastyValue(random: Random): unknown {
  return random.pick<unknown>([
    null,
    true,
    0,
    -1,
    1.5,
    2 ** 53,
    -(2 ** 63),
    [],
    {},
    [[[[[]]]]],
    { toString: 1 },
    Array.from({ length: 1200 }, () => 'a'),
    random.pick(NASTY),
    random.pick(NASTY),
  ]);
}

/** What nests too deep for this file's own recursion starts again from nothing. */
function parsed(text: string): unknown {
  try {
    return text.length < 20_000 ? JSON.parse(text) : {};
  } catch {
    return {};
  }
}

/** Half of them as they are, as far as a request line can hold them; half escaped. */
function nastyPart(random: Random): string {
  const text = random.pick(NASTY).toWellFormed();
  return random.chance(0.5) ? encodeURIComponent(text) : text.replace(/[^\x21-\x7e]|[?#]/gu, (char) => encodeURIComponent(char));
}

function split(path: string): [path: string, query: string] {
  const at = path.indexOf('?');
  return at < 0 ? [path, ''] : [path.slice(0, at), path.slice(at)];
}
