import { spawnSync } from 'node:child_process';
import { beforeEach, expect, test } from 'vitest';
import type { Account } from '../../../models-manifest/cli/deploy/account.ts';
import { MAX_BUNDLE_BYTES } from '../../../models-manifest/cli/deploy/bundle.ts';
import { deployEnvironment, type Steps } from '../../../models-manifest/cli/deploy/deploy-environment.ts';
import type { Environment } from '../../../models-manifest/cli/deploy/environment.ts';

const environment: Environment = {
  name: 'staging',
  worker: 'edge',
  database: { binding: 'DB', name: 'db', id: 'an-id' },
  buckets: { WEIGHTS: 'weights' },
  queues: ['queue'],
  vars: {},
  routes: undefined,
};
const complete: Account = {
  buckets: { weights: 'there' },
  queues: { queue: 'there' },
  database: { id: 'an-id' },
  secrets: ['SIGNING_KEYS', 'ADMIN_TOKEN'],
};

let done: string[];
let said: string;
beforeEach(() => {
  done = [];
  said = '';
});

const steps = (change: Partial<Steps> = {}): Steps => ({
  build: async () => done.push('build'),
  bundleBytes: async () => 50_000,
  askAccount: async () => complete,
  wrangler: async (...args) => {
    done.push(args.join(' '));
    return 'https://edge.someone.workers.dev';
  },
  untilHealthy: async (origin) => void done.push(`ask ${origin}`),
  line: (text) => (said += `${text}\n`),
  ...change,
});

const FOR_REAL = { dryRun: false, url: undefined };
const MIGRATE = 'd1 migrations apply DB --env staging --remote';

test('migrations before the code that needs them, then the question whether all is well', async () => {
  await deployEnvironment(environment, FOR_REAL, steps());
  expect(done).toEqual(['build', MIGRATE, 'deploy --env staging', 'ask https://edge.someone.workers.dev']);
  expect(said).toContain('has all that staging needs');
});

test('the address that was named is asked', async () => {
  await deployEnvironment(environment, { dryRun: false, url: 'https://edge.example.com' }, steps());
  expect(done.at(-1)).toBe('ask https://edge.example.com');
});

test('an address that nobody knows is said', async () => {
  await deployEnvironment(environment, FOR_REAL, steps({ wrangler: async () => 'no address here' }));
  expect(said).toContain('--url');
});

test('nothing is touched while something is missing, and all of it is said at once', async () => {
  const account = { ...complete, queues: { queue: 'missing' }, secrets: ['ADMIN_TOKEN'] } as const;
  const run = deployEnvironment(environment, FOR_REAL, steps({ askAccount: async () => ({ ...account, secrets: [...account.secrets] }) }));
  await expect(run).rejects.toMatchObject({ code: 'edge_not_ready', message: expect.stringContaining('2 of what staging needs') });
  expect(done).toEqual(['build']);
  expect(said).toMatch(/npx wrangler queues create queue\n[^]*npx wrangler secret put SIGNING_KEYS --env staging/);
});

test('what could not be asked is said and holds nothing up', async () => {
  await deployEnvironment(
    environment,
    FOR_REAL,
    steps({ askAccount: async () => ({ ...complete, secrets: { unknown: 'no permission' } }) }),
  );
  expect(said).toContain('could not be asked: no permission');
  expect(done).toContain('deploy --env staging');
});

test('a dry run without a login says everything and touches nothing', async () => {
  await deployEnvironment(environment, { ...FOR_REAL, dryRun: true }, steps({ askAccount: async () => undefined }));
  expect(done).toEqual(['build']);
  expect(said).toMatch(/48\.8 KiB gzip of 1024\.0 KiB[^]*npx wrangler login[^]*nothing was deployed/);
});

test.for([{ dryRun: true }, { dryRun: false }])('a bundle that is too large fails: $dryRun', async ({ dryRun }) => {
  const run = deployEnvironment(environment, { dryRun, url: undefined }, steps({ bundleBytes: async () => MAX_BUNDLE_BYTES + 1 }));
  await expect(run).rejects.toThrow('too large: 1024.0 KiB');
  expect(done).toEqual(['build']);
});

test('where a migration fails nothing is deployed', async () => {
  const wrangler = async (...args: string[]): Promise<string> => {
    done.push(args.join(' '));
    throw new Error('the migration failed');
  };
  await expect(deployEnvironment(environment, FOR_REAL, steps({ wrangler }))).rejects.toThrow('the migration failed');
  expect(done).toEqual(['build', MIGRATE]);
});

test.for([
  { args: [], says: 'nothing is no environment' },
  { args: ['prod'], says: 'prod is no environment that can be deployed: name staging or production' },
  { args: ['staging', 'production'], says: 'one environment at a time' },
  { args: ['staging', '--url', 'nowhere'], says: '--url nowhere is no address' },
  { args: ['staging', '--force'], says: '--force' },
])('the command does not understand $args', ({ args, says }) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['models-manifest/cli/deploy/deploy.ts', ...args], { encoding: 'utf8' });
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toContain('error[usage]');
  expect(stderr).toContain(says);
  expect(stderr).toContain('Usage: npm run deploy --');
});
