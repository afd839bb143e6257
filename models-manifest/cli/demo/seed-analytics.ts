/** `npm run seed:analytics`: weeks of invented traffic in the local store, for a look at the dashboard. */
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import * as v from 'valibot';
import { DiptychError } from '../../../shared/errors.ts';
import { LORA_KINDS } from '../../../shared/manifest.ts';
import { openConsole, reportError } from '../console.ts';
import { requireConfig } from '../pipeline/read-config.ts';
import { LOCAL_STATE, type LocalBindings, openLocalPlatform } from '../publish/local-platform.ts';
import { wrangler } from '../publish/wrangler.ts';
import { SEEDED_SITES } from './seeded-traffic/audience.ts';
import { RandomSource } from './seeded-traffic/random-source.ts';
import { clearSeeded, writeSeeded } from './seeded-traffic/seed-database.ts';
import { seededMessages } from './seeded-traffic/seeded-messages.ts';
import { pairsOf } from './seeded-traffic/visit-events.ts';
import { DEMO } from './seed-store.ts';

const DAY_MS = 86_400_000;
const MIGRATIONS = fileURLToPath(new URL('../../../worker/migrations', import.meta.url));

const Catalogue = v.object({ loras: v.array(v.object({ id: v.string(), kind: v.picklist(LORA_KINDS) })) });

interface SeedOptions {
  seed: number;
  days: number;
  visits: number;
  state: string;
  remote?: true;
}

const wholeUpTo =
  (limit: number, least = 1) =>
  (text: string): number => {
    if (/^\d{1,10}$/.test(text) && Number(text) >= least && Number(text) <= limit) return Number(text);
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${limit}.`);
  };

const out = openConsole(false);

async function seedAnalytics({ seed, days, visits, state, remote }: SeedOptions): Promise<void> {
  if (remote)
    throw new DiptychError(
      'usage',
      'invented traffic goes into the store of this machine alone, never beside real telemetry: leave --remote out',
    );
  const started = performance.now();
  const { loras } = await requireConfig(DEMO, 'catalogue.json', Catalogue);
  const now = Date.now();
  const period = { start: now - (now % DAY_MS) - (days - 1) * DAY_MS, end: now };
  const messages = seededMessages(seed, period, visits, pairsOf(new RandomSource(seed), loras));
  const { bindings, close } = await openMigrated(state);
  try {
    await clearSeeded(bindings.DB);
    const bar = out.progress('Seeding');
    await writeSeeded(bindings.DB, messages, now, (done) => bar.update(done, messages.length));
    bar.end();
  } finally {
    await close();
  }
  const events = messages.reduce((sum, { batch }) => sum + batch.events.length, 0);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  out.line(`${visits} visits in ${days} days, ${events} events, to ${SEEDED_SITES.map(({ id }) => id).join(', ')} (${seconds} s).`);
  out.line(
    '\n  Now run  npm start  and open  /admin  on the edge that it names; the token is what follows  local:  in ADMIN_TOKEN in .dev.vars.\n',
  );
}

/** The local platform, whose database has all migrations. Wrangler is only asked to apply them where one is missing: it takes some seconds. */
async function openMigrated(state: string): ReturnType<typeof openLocalPlatform> {
  const wanted = (await readdir(MIGRATIONS)).filter((name) => name.endsWith('.sql'));
  const platform = await openLocalPlatform(state);
  const applied = await appliedMigrations(platform.bindings.DB);
  if (wanted.every((name) => applied.has(name))) return platform;
  await platform.close();
  await wrangler('d1', 'migrations', 'apply', 'diptych', '--local', '--persist-to', state);
  return openLocalPlatform(state);
}

async function appliedMigrations(db: LocalBindings['DB']): Promise<Set<unknown>> {
  const table = await db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'd1_migrations'").all();
  if (table.results.length === 0) return new Set();
  return new Set((await db.prepare('SELECT name FROM d1_migrations').all()).results.map(({ name }) => name));
}

const command = new Command('npm run seed:analytics --')
  .description(
    'Fills the local store that npm start uses with invented traffic, in sites of its own. Run again, it replaces what it put there.',
  )
  .option('--seed <number>', 'another number, other traffic', wholeUpTo(2 ** 32 - 1, 0), 1)
  .option('--days <number>', 'how many, up to now', wholeUpTo(730), 90)
  .option('--visits <number>', 'how many in all', wholeUpTo(500_000), 12_000)
  .option('--state <folder>', 'where wrangler dev keeps its state', LOCAL_STATE)
  .option('--remote', 'refused: invented traffic never goes beside real telemetry')
  .allowExcessArguments(false)
  .action(seedAnalytics);

try {
  await command.parseAsync();
} catch (thrown) {
  process.exitCode = reportError(thrown, false);
}
