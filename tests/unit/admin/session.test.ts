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

test.for([
  { code: 'admin_credentials_invalid', kept: undefined },
  // These say nothing about the token.
  { code: 'edge_not_ready', kept: 'secret' },
  { code: 'rate_limited', kept: 'secret' },
] as const)('$code is told, and the token is kept: $kept', async ({ code, kept }) => {
  answers = [refusal(code)];
  const session = open();
  await session.signIn('secret');
  expect(session.state).toMatchObject({ phase: 'signed-out', busy: false, error: { code, message: `because of ${code}` } });
  expect(token).toBe(kept);
});

test('an edge that does not answer is told so', async () => {
  answers = [() => Promise.reject(new TypeError('Failed to fetch'))];
  const session = open();
  await session.signIn('secret');
  expect(session.state).toMatchObject({ phase: 'signed-out', error: { code: 'edge_unreachable' } });
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
