import { describe, expect, test } from 'vitest';
import type { Account } from '../../../models-manifest/cli/deploy/account.ts';
import type { Environment } from '../../../models-manifest/cli/deploy/environment.ts';
import { missing } from '../../../models-manifest/cli/deploy/missing.ts';

const ID = '0f3c5f5e-6f0a-4c1e-9d0f-6a1d2e3f4a5b';
const NO_ID = '00000000-0000-0000-0000-000000000000';

const environment = (change: Partial<Environment> = {}): Environment => ({
  name: 'staging',
  worker: 'edge',
  database: { binding: 'DB', name: 'db', id: ID },
  buckets: { WEIGHTS: 'weights', ARCHIVE: 'archive' },
  queues: ['dead', 'alive'],
  vars: {},
  routes: undefined,
  ...change,
});

const account = (change: Partial<Account> = {}): Account => ({
  buckets: { weights: 'there', archive: 'there' },
  queues: { dead: 'there', alive: 'there' },
  database: { id: ID },
  secrets: ['SIGNING_KEYS', 'ADMIN_TOKEN'],
  ...change,
});

const withoutId = environment({ database: { binding: 'DB', name: 'db', id: NO_ID } });

test('an account that has everything', () => {
  expect(missing(environment(), account())).toEqual([]);
});

describe('each thing that is missing comes with what makes it', () => {
  test.for([
    {
      what: 'R2 bucket archive',
      account: account({ buckets: { weights: 'there', archive: 'missing' } }),
      fix: /^npx wrangler r2 bucket create archive$/,
    },
    { what: 'queue dead', account: account({ queues: { dead: 'missing', alive: 'there' } }), fix: /^npx wrangler queues create dead$/ },
    {
      what: 'D1 database db',
      account: account({ database: 'missing' }),
      fix: /^npx wrangler d1 create db, and put its id into .*env\.staging/,
    },
    { what: 'the id of D1 database db', environment: withoutId, fix: new RegExp(`^put ${ID} into database_id`) },
    { what: 'the id of D1 database db', account: account({ database: { id: 'other' } }), fix: /^put other into/ },
    {
      what: 'D1 database db',
      environment: withoutId,
      account: account({ database: { unknown: 'no permission' } }),
      fix: /^npx wrangler d1 create db/,
    },
    {
      what: 'secret SIGNING_KEYS',
      account: account({ secrets: ['ADMIN_TOKEN'] }),
      fix: /npx wrangler secret put SIGNING_KEYS --env staging$/,
    },
    {
      what: 'secret ADMIN_TOKEN, or ACCESS_TEAM_DOMAIN and ACCESS_AUD',
      account: account({ secrets: ['SIGNING_KEYS', 'ACCESS_AUD'] }),
      fix: /npx wrangler secret put ADMIN_TOKEN --env staging$/,
    },
  ])('$what', ({ what, fix, ...given }) => {
    expect(missing(given.environment ?? environment(), given.account ?? account())).toEqual([{ what, fix: expect.stringMatching(fix) }]);
  });
});

test.for([
  { with: ['SIGNING_KEYS', 'ACCESS_TEAM_DOMAIN', 'ACCESS_AUD'], vars: {} },
  { with: ['SIGNING_KEYS', 'ACCESS_AUD'], vars: { ACCESS_TEAM_DOMAIN: 'team.cloudflareaccess.com' } },
  { with: ['SIGNING_KEYS'], vars: { ACCESS_TEAM_DOMAIN: 'team.cloudflareaccess.com', ACCESS_AUD: 'aud' } },
])('Cloudflare Access stands in for the token: secrets $with', ({ with: secrets, vars }) => {
  expect(missing(environment({ vars }), account({ secrets }))).toEqual([]);
});

test('presigned addresses need both of their secrets', () => {
  const vars = { R2_S3_API: 'https://account.r2.cloudflarestorage.com/weights' };
  const secrets = ['SIGNING_KEYS', 'ADMIN_TOKEN', 'R2_ACCESS_KEY_ID'];
  expect(missing(environment({ vars }), account({ secrets }))).toEqual([
    { what: 'secret R2_SECRET_ACCESS_KEY, as R2_S3_API is set', fix: 'npx wrangler secret put R2_SECRET_ACCESS_KEY --env staging' },
  ]);
});

test('without a login everything is listed, the login first, and what is certain told from what could not be asked', () => {
  const all = missing(withoutId, undefined);
  expect(all.map(({ what, unasked }) => [what, unasked])).toEqual([
    ['a login to Cloudflare', undefined],
    ['R2 bucket weights', 'no login'],
    ['R2 bucket archive', 'no login'],
    ['queue dead', 'no login'],
    ['queue alive', 'no login'],
    ['D1 database db', undefined],
    ['secret SIGNING_KEYS', 'no login'],
    ['secret ADMIN_TOKEN, or ACCESS_TEAM_DOMAIN and ACCESS_AUD', 'no login'],
  ]);
});

test('what a token may not ask is told with the reason', () => {
  const secrets = { unknown: 'Authentication error [code: 10000]' };
  expect(missing(environment(), account({ secrets })).map(({ unasked }) => unasked)).toEqual([secrets.unknown, secrets.unknown]);
});
