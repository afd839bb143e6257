/** `npm run deploy -- staging|production [--dry-run] [--url ORIGIN]`: checks, says what is missing, migrates, deploys, and asks the result. */
import { parseArgs } from 'node:util';
import { build } from '../../../client/build.ts';
import { DiptychError } from '../../../shared/errors.ts';
import { openConsole, reportError } from '../console.ts';
import { wrangler } from '../publish/wrangler.ts';
import { askAccount } from './account.ts';
import { bundleBytes } from './bundle.ts';
import { deployEnvironment } from './deploy-environment.ts';
import { type EnvironmentName, environmentName, readEnvironment } from './environment.ts';
import { untilHealthy } from './health.ts';

interface Options {
  name: EnvironmentName;
  dryRun: boolean;
  url: string | undefined;
}

function readOptions(): Options {
  try {
    const { values, positionals } = parseArgs({
      options: { 'dry-run': { type: 'boolean', default: false }, url: { type: 'string' } },
      allowPositionals: true,
    });
    if (positionals.length > 1) throw new Error(`one environment at a time, not ${positionals.join(' and ')}`);
    if (values.url !== undefined && !URL.canParse(values.url)) throw new Error(`--url ${values.url} is no address`);
    return { name: environmentName(positionals[0]), dryRun: values['dry-run'], url: values.url && new URL(values.url).origin };
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new DiptychError('usage', `${reason}. Usage: npm run deploy -- staging|production [--dry-run] [--url ORIGIN]`);
  }
}

// A reader that has seen enough, as `head` has, must not end a deploy half-way.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  const { name, ...options } = readOptions();
  const { line } = openConsole(false);
  await deployEnvironment(await readEnvironment(name), options, { build, bundleBytes, askAccount, wrangler, untilHealthy, line });
} catch (thrown) {
  process.exitCode = reportError(thrown, false);
}
