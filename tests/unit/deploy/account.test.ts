/** The real wrangler against an API of our own that answers as Cloudflare's does: what is read is what wrangler prints. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { askAccount } from '../../../models-manifest/cli/deploy/account.ts';
import { readEnvironment } from '../../../models-manifest/cli/deploy/environment.ts';

const environment = await readEnvironment('staging');
const ACCOUNT = '/accounts/0123456789abcdef0123456789abcdef';

interface Reply {
  status?: number;
  result?: unknown;
  error?: { code: number; message: string };
}

let replies: Record<string, Reply>;
let server: Server;

beforeAll(async () => {
  server = createServer((request, response) => {
    const url = new URL(request.url!, 'http://localhost');
    const name = url.searchParams.get('name');
    const {
      status = 200,
      result = null,
      error,
    } = replies[`${url.pathname}${name ? `?name=${name}` : ''}`] ?? { status: 404, error: { code: 7003, message: 'no such route' } };
    response.writeHead(status, { 'content-type': 'application/json' });
    const page = { page: 1, per_page: 100, count: Array.isArray(result) ? result.length : 1, total_count: 1, total_pages: 1 };
    response.end(JSON.stringify({ success: !error, result, errors: error ? [error] : [], messages: [], result_info: page }));
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  vi.stubEnv('CLOUDFLARE_API_BASE_URL', `http://localhost:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('CLOUDFLARE_ACCOUNT_ID', ACCOUNT.split('/')[2]);
});

afterAll(() => {
  vi.unstubAllEnvs();
  server.close();
});

beforeEach(() => {
  vi.stubEnv('CLOUDFLARE_API_TOKEN', 'a-token-of-nobody');
  replies = {
    '/user': { result: { email: 'someone@example.com' } },
    '/user/tokens/verify': { result: { status: 'active' } },
    '/accounts': { result: [{ id: ACCOUNT.split('/')[2], name: 'Test' }] },
    '/memberships': { result: [] },
    [`${ACCOUNT}/r2/buckets/diptych-staging-weights`]: { result: { name: 'diptych-staging-weights', creation_date: '2026-11-01' } },
    [`${ACCOUNT}/r2/buckets/diptych-staging-telemetry-archive`]: {
      status: 404,
      error: { code: 10006, message: 'The specified bucket does not exist.' },
    },
    '/graphql': { result: {} },
    [`${ACCOUNT}/queues?name=diptych-staging-telemetry`]: {
      result: [{ queue_name: 'diptych-staging-telemetry', queue_id: 'q', producers_total_count: 0, consumers_total_count: 0 }],
    },
    [`${ACCOUNT}/queues?name=diptych-staging-telemetry-dead`]: { result: [] },
    [`${ACCOUNT}/d1/database`]: {
      result: [
        { uuid: 'other', name: 'someone-elses' },
        { uuid: 'the-id', name: 'diptych-staging' },
      ],
    },
    [`${ACCOUNT}/workers/scripts/diptych-staging/secrets`]: { result: [{ name: 'SIGNING_KEYS', type: 'secret_text' }] },
  };
});

test('reads what the account has and what it has not', async () => {
  const account = await askAccount(environment);
  expect(account).toEqual({
    buckets: { 'diptych-staging-weights': 'there', 'diptych-staging-telemetry-archive': 'missing' },
    queues: { 'diptych-staging-telemetry': 'there', 'diptych-staging-telemetry-dead': 'missing' },
    database: { id: 'the-id' },
    secrets: ['SIGNING_KEYS'],
  });
});

test('a Worker that was never deployed has no secrets; a permission that lacks is a reason, not an absence', async () => {
  const refused: Reply = { status: 403, error: { code: 10000, message: 'Authentication error' } };
  replies[`${ACCOUNT}/workers/scripts/diptych-staging/secrets`] = {
    status: 404,
    error: { code: 10007, message: 'This Worker does not exist on your account.' },
  };
  replies[`${ACCOUNT}/d1/database`] = refused;
  replies[`${ACCOUNT}/r2/buckets/diptych-staging-weights`] = refused;
  replies[`${ACCOUNT}/queues?name=diptych-staging-telemetry`] = refused;
  const unknown = expect.stringMatching(/\d{5}|Authentication|request/i);
  const { database, worker, name, vars, routes } = environment;
  const few = {
    name,
    worker,
    database,
    vars,
    routes,
    buckets: { WEIGHTS: 'diptych-staging-weights' },
    queues: ['diptych-staging-telemetry'],
  };
  expect(await askAccount(few)).toEqual({
    buckets: { 'diptych-staging-weights': { unknown } },
    queues: { 'diptych-staging-telemetry': { unknown } },
    database: { unknown },
    secrets: [],
  });
});

test('without a login there is no account', async () => {
  vi.stubEnv('CLOUDFLARE_API_TOKEN', undefined);
  vi.stubEnv('HOME', '/nonexistent');
  vi.stubEnv('XDG_CONFIG_HOME', '/nonexistent');
  expect(await askAccount(environment)).toBeUndefined();
});
