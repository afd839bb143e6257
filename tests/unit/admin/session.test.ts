import { beforeEach, expect, test } from 'vitest';
import { AdminApi } from '../../../client/admin/admin-api.ts';
import { Session } from '../../../client/admin/session.ts';
import { DiptychError, ERRORS, type ErrorCode } from '../../../shared/errors.ts';

let token: string | undefined;
const tokens = { get: () => token, set: (text: string) => void (token = text), clear: () => void (token = undefined) };
let requests: { path: string; authorization: string | null }[];
let answers: (() => Response | Promise<Response>)[];

const page =
  (ids: string[], cursor: string | null = null) =>
  () =>
    Response.json({ sites: ids.map((id) => ({ id })), cursor });
const refusal = (code: ErrorCode) => () => Response.json({ code, detail: `because of ${code}` }, { status: ERRORS[code].status });

function open(): Session {
  const fetcher = async (path: unknown, init?: RequestInit): Promise<Response> => {
    requests.push({ path: String(path), authorization: new Headers(init?.headers).get('authorization') });
    return answers.shift()!();
  };
  return new Session(new AdminApi(fetcher as typeof fetch, tokens.get), tokens);
}

beforeEach(() => {
  token = undefined;
  requests = [];
});

test('behind Cloudflare Access no token is needed', async () => {
  answers = [page(['a'])];
  const session = open();
  await session.open();
  expect(session.state).toEqual({ phase: 'signed-in', sites: [{ id: 'a' }], byToken: false });
  expect(requests).toEqual([{ path: '/v1/sites?limit=200', authorization: null }]);
});

test('a first visit without a token is no error', async () => {
  answers = [refusal('admin_credentials_missing')];
  const session = open();
  await session.open();
  expect(session.state).toEqual({ phase: 'signed-out', busy: false });
});

test('signs in, reads every page of sites, and out', async () => {
  answers = [page(['a', 'b'], 'b'), page(['c'])];
  const session = open();
  await session.signIn('secret');
  expect(session.state).toMatchObject({ phase: 'signed-in', byToken: true, sites: [{ id: 'a' }, { id: 'b' }, { id: 'c' }] });
  expect(requests.map(({ path }) => path)).toEqual(['/v1/sites?limit=200', '/v1/sites?limit=200&cursor=b']);
  expect(requests.every(({ authorization }) => authorization === 'Bearer secret')).toBe(true);
  session.signOut();
  expect([token, session.state]).toEqual([undefined, { phase: 'signed-out', busy: false }]);
});

test('a token that is refused is forgotten', async () => {
  answers = [refusal('admin_credentials_invalid')];
  const session = open();
  await session.signIn('secret');
  expect(session.state).toMatchObject({ phase: 'signed-out', error: { code: 'admin_credentials_invalid' } });
  expect(token).toBeUndefined();
});

test.for([
  { what: 'nobody may administer yet', answer: refusal('edge_not_ready'), code: 'edge_not_ready', message: 'because of edge_not_ready' },
  { what: 'asked too often', answer: refusal('rate_limited'), code: 'rate_limited', message: 'because of rate_limited' },
  {
    what: 'no answer',
    answer: () => Promise.reject(new TypeError('Failed to fetch')),
    code: 'edge_unreachable',
    message: /did not answer/,
  },
  {
    what: 'no problem+json',
    answer: () => new Response('<h1>Bad gateway</h1>', { status: 502 }),
    code: 'edge_unreachable',
    message: /502/,
  },
])('$what says nothing about the token, which can be tried again', async ({ answer, code, message }) => {
  answers = [answer, page(['a'])];
  const session = open();
  await session.signIn('secret');
  expect(session.state).toMatchObject({ phase: 'failed', error: { code, message: expect.stringMatching(message) } });
  expect(token).toBe('secret');
  await session.open();
  expect(session.state).toMatchObject({ phase: 'signed-in', sites: [{ id: 'a' }] });
});

test('a list of sites that cannot be read again stays', async () => {
  answers = [page(['a']), refusal('rate_limited'), page(['a', 'b']), refusal('admin_credentials_invalid')];
  const session = open();
  await session.open();
  for (const sites of [['a'], ['a', 'b']]) {
    await session.refreshSites();
    expect(session.state).toMatchObject({ phase: 'signed-in', sites: sites.map((id) => ({ id })) });
  }
  await session.refreshSites();
  expect(session.state.phase).toBe('signed-out');
});

test('who signs out while the answer is on its way stays out', async () => {
  let answer: (response: Response) => void = () => undefined;
  answers = [() => new Promise((resolve) => (answer = resolve))];
  const session = open();
  const signingIn = session.signIn('secret');
  session.signOut();
  answer(page(['a'])());
  await signingIn;
  expect([token, session.state]).toEqual([undefined, { phase: 'signed-out', busy: false }]);
});

test('a token that is refused later ends the session; other errors do not', async () => {
  answers = [page([])];
  const session = open();
  await session.signIn('secret');
  expect(session.endedBy(new DiptychError('rate_limited', ''))).toBe(false);
  expect(session.state.phase).toBe('signed-in');
  expect(session.endedBy(new DiptychError('admin_credentials_invalid', 'rotated'))).toBe(true);
  expect(session.state).toMatchObject({ phase: 'signed-out', error: { message: 'rotated' } });
  expect(token).toBeUndefined();
});
