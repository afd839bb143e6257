/** `npm run deploy -- staging|production [--dry-run] [--url ORIGIN]`: checks, says what is missing, migrates, deploys, and asks the result. */
import { parseArgs } from 'node:util';
import { build } from '../../../client/build.ts';
import { DiptychError } from '../../../shared/errors.ts';
import { openConsole, reportError } from '../console.ts';
import { wrangler } from '../publish/wrangler.ts';
import { askAccount } from './account.ts';
import { bundleBytes, MAX_BUNDLE_BYTES } from './bundle.ts';
import { type Environment, environmentName, readEnvironment } from './environment.ts';
import { deployedOrigin, untilHealthy } from './health.ts';
import { type Missing, missing } from './missing.ts';

const out = openConsole(false);

interface Options {
  environment: Environment;
  dryRun: boolean;
  url: string | undefined;
}

async function deploy({ environment, dryRun, url }: Options): Promise<void> {
  await build();
  out.line('Client   built');
  await checkBundle(environment);
  const found = missing(environment, await askAccount(environment));
  list(environment.name, found);
  if (dryRun) {
    out.line('\nA dry run: nothing was deployed.');
    return;
  }
  const certain = found.filter(({ unasked }) => unasked === undefined);
  if (certain.length > 0) throw new DiptychError('edge_not_ready', `Nothing was deployed: ${certain.length} things are missing (above).`);
  await upload(environment, url);
}

/** @throws `edge_not_ready` when it is too large */
async function checkBundle({ name }: Environment): Promise<void> {
  const bytes = await bundleBytes(name);
  const kibibytes = (size: number): string => `${(size / 1024).toFixed(1)} KiB`;
  const said = `${kibibytes(bytes)} gzip of ${kibibytes(MAX_BUNDLE_BYTES)}`;
  if (bytes > MAX_BUNDLE_BYTES) throw new DiptychError('edge_not_ready', `The Worker's bundle is too large: ${said}`, { bytes });
  out.line(`Worker   ${said}`);
}

function list(environment: string, items: readonly Missing[]): void {
  if (items.length === 0) return out.line(`Account  has all that ${environment} needs`);
  out.line(`\nMissing for ${environment}, and what makes it:`);
  for (const { what, fix, unasked } of items)
    out.line(`  - ${what}${unasked === undefined ? '' : ` (could not be asked: ${unasked})`}\n      ${fix}`);
}

async function upload({ name, database, routes }: Environment, url: string | undefined): Promise<void> {
  // Before the code that needs them. A migration only adds, so that the code which still runs does not mind.
  await wrangler('d1', 'migrations', 'apply', database.binding, '--env', name, '--remote');
  out.line('Database migrations are applied');
  const printed = await wrangler('deploy', '--env', name);
  const origin = url ?? deployedOrigin(routes, printed);
  if (!origin) {
    out.line(`Worker   deployed. Where it answers is not known: ask its /healthz, or name it with --url.`);
    return;
  }
  await untilHealthy(origin);
  out.line(`Worker   deployed: ${origin}/healthz says that all is well`);
}

async function readOptions(): Promise<Options> {
  try {
    const { values, positionals } = parseArgs({
      options: { 'dry-run': { type: 'boolean', default: false }, url: { type: 'string' } },
      allowPositionals: true,
    });
    if (positionals.length > 1) throw new Error(`one environment at a time, not ${positionals.join(' and ')}`);
    if (values.url !== undefined && !URL.canParse(values.url)) throw new Error(`--url ${values.url} is no address`);
    const environment = await readEnvironment(environmentName(positionals[0]));
    return { environment, dryRun: values['dry-run'], url: values.url && new URL(values.url).origin };
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new DiptychError('usage', `${reason}. Usage: npm run deploy -- staging|production [--dry-run] [--url ORIGIN]`);
  }
}

try {
  await deploy(await readOptions());
} catch (thrown) {
  process.exitCode = reportError(thrown, false);
}
