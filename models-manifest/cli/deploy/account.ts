import { stripVTControlCharacters } from 'node:util';
import { runWrangler as run, type WranglerRun } from '../publish/wrangler.ts';
import type { Environment } from './environment.ts';

/** Whether something is in the account; `unknown` with the reason where that could not be asked. */
export type Presence = 'there' | 'missing' | { unknown: string };

/** What the account holds of what an environment needs. */
export interface Account {
  /** By name. */
  buckets: Record<string, Presence>;
  queues: Record<string, Presence>;
  /** Where it is there, its id. */
  database: { id: string } | Exclude<Presence, 'there'>;
  /** The names of the Worker's secrets; none while there is no such Worker. */
  secrets: string[] | { unknown: string };
}

/** What wrangler says of the account that it is logged in to; undefined where it is logged in to none. */
export async function askAccount(environment: Environment): Promise<Account | undefined> {
  if ((await run('whoami', '--json')).status !== 0) return undefined;
  const [buckets, queues, database, secrets] = await Promise.all([
    presences(Object.values(environment.buckets), (name) => run('r2', 'bucket', 'info', name, '--json')),
    presences(environment.queues, (name) => run('queues', 'info', name)),
    askDatabase(environment.database.name),
    askSecrets(environment),
  ]);
  return { buckets, queues, database, secrets };
}

async function presences(names: string[], ask: (name: string) => Promise<WranglerRun>): Promise<Record<string, Presence>> {
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, presence(await ask(name))] as const)));
}

/** R2 says `The specified bucket does not exist`, wrangler of a queue `Queue "..." does not exist`. */
function presence({ status, output }: WranglerRun): Presence {
  if (status === 0) return 'there';
  return /does not exist|\[code: 10006\]/.test(output) ? 'missing' : { unknown: reasonOf(output) };
}

async function askDatabase(name: string): Promise<Account['database']> {
  const { status, stdout, output } = await run('d1', 'list', '--json');
  if (status !== 0) return { unknown: reasonOf(output) };
  const databases = JSON.parse(stdout) as { uuid: string; name: string }[];
  const database = databases.find((one) => one.name === name);
  return database ? { id: database.uuid } : 'missing';
}

async function askSecrets({ name, worker }: Environment): Promise<Account['secrets']> {
  const { status, stdout, output } = await run('secret', 'list', '--env', name, '--format', 'json');
  if (status === 0) return (JSON.parse(stdout) as { name: string }[]).map((secret) => secret.name);
  return output.includes(`Worker "${worker}"`) && output.includes('not found') ? [] : { unknown: reasonOf(output) };
}

/** The line of wrangler's output that says what went wrong. */
function reasonOf(output: string): string {
  const lines = stripVTControlCharacters(output)
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  return lines.find((line) => line.includes('[ERROR]')) ?? lines.at(-1) ?? 'wrangler said nothing';
}
