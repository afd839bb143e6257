import { DiptychError } from '../../../shared/errors.ts';
import type { Account } from './account.ts';
import { MAX_BUNDLE_BYTES } from './bundle.ts';
import type { Environment, EnvironmentName } from './environment.ts';
import { deployedOrigin } from './health.ts';
import { type Missing, missing } from './missing.ts';

/** What a deploy does to the world. */
export interface Steps {
  build(): Promise<unknown>;
  bundleBytes(environment: EnvironmentName): Promise<number>;
  askAccount(environment: Environment): Promise<Account | undefined>;
  wrangler(...args: string[]): Promise<string>;
  untilHealthy(origin: string): Promise<void>;
  /** A line for the person who deploys. */
  line(text: string): void;
}

interface Options {
  dryRun: boolean;
  /** Where the Worker answers, if wrangler does not say. */
  url: string | undefined;
}

/**
 * Builds, checks, says what is missing, and unless something is (or it is a dry run) migrates, deploys and asks how the edge is.
 *
 * @throws `edge_not_ready` when nothing was deployed as something is missing or too large, or when what was deployed is not well
 */
export async function deployEnvironment(environment: Environment, { dryRun, url }: Options, steps: Steps): Promise<void> {
  await steps.build();
  steps.line('Client   built');
  await checkBundle(environment, steps);
  const found = missing(environment, await steps.askAccount(environment));
  list(environment, found, steps);
  if (dryRun) {
    steps.line('\nA dry run: nothing was deployed.');
    return;
  }
  const certain = found.filter(({ unasked }) => unasked === undefined).length;
  if (certain > 0)
    throw new DiptychError('edge_not_ready', `Nothing was deployed: ${certain} of what ${environment.name} needs is missing.`);
  await upload(environment, url, steps);
}

async function checkBundle({ name }: Environment, steps: Steps): Promise<void> {
  const bytes = await steps.bundleBytes(name);
  const kibibytes = (size: number): string => `${(size / 1024).toFixed(1)} KiB`;
  const said = `${kibibytes(bytes)} gzip of ${kibibytes(MAX_BUNDLE_BYTES)}`;
  if (bytes > MAX_BUNDLE_BYTES) throw new DiptychError('edge_not_ready', `The Worker's bundle is too large: ${said}.`, { bytes });
  steps.line(`Worker   ${said}`);
}

function list({ name }: Environment, items: readonly Missing[], { line }: Steps): void {
  if (items.length === 0) return line(`Account  has all that ${name} needs`);
  line(`\nMissing for ${name}, and what makes it:`);
  for (const { what, fix, unasked } of items)
    line(`  - ${what}${unasked === undefined ? '' : ` (could not be asked: ${unasked})`}\n      ${fix}`);
}

async function upload({ name, database, routes }: Environment, url: string | undefined, steps: Steps): Promise<void> {
  // Before the code that needs them. A migration only adds, so that the code which still runs does not mind.
  await steps.wrangler('d1', 'migrations', 'apply', database.binding, '--env', name, '--remote');
  steps.line('Database migrations are applied');
  const printed = await steps.wrangler('deploy', '--env', name);
  const origin = url ?? deployedOrigin(routes, printed);
  if (!origin) return steps.line('Worker   deployed. Where it answers is not known: ask its /healthz, or name it with --url.');
  await steps.untilHealthy(origin);
  steps.line(`Worker   deployed: ${origin}/healthz says that all is well`);
}
