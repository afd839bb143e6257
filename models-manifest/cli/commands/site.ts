import type { Command } from 'commander';
import { listSites, newSiteKey, saveSite, type SiteDatabase } from '../site/sites.ts';
import { LOCAL_STATE } from '../publish/local-platform.ts';
import { consoleOf } from './options.ts';

interface AddOptions {
  id?: string;
  name: string;
  origin: string[];
  remote?: boolean;
}

export function siteCommand(program: Command): void {
  const site = program
    .command('site')
    .summary('sites that may embed the studio')
    .description('Manages the sites that may embed the studio.')
    .addHelpText('after', '\nExample:\n  $ npx diptych site list');
  site
    .command('add')
    .summary('create a site, or change its origins')
    .description('Creates a site with its publishable key, or gives an existing one a new name and new origins.')
    .option('--id <key>', 'its publishable key, pk_... (default: a new one)')
    .requiredOption('--name <name>', 'its name')
    .requiredOption('--origin <origin...>', 'origins that may embed it: https://shop.example, https://*.shop.example, http://localhost:*')
    .option('--remote', 'in the database of your account (not tried by this project’s tests); otherwise on this machine')
    .addHelpText('after', '\nExample:\n  $ npx diptych site add --name "My shop" --origin https://shop.example')
    .action(async ({ id, name, origin, remote }: AddOptions, command: Command) => {
      const out = consoleOf(command);
      const saved = await saveSite({ id: id ?? newSiteKey(), name, origins: origin }, databaseOf(remote));
      out.line(`${saved.id}: ${saved.name}, for ${saved.origins.join(', ')}`);
      out.result(saved);
    });
  site
    .command('list')
    .summary('list them')
    .description('Lists the sites.')
    .option('--remote', 'of your account')
    .addHelpText('after', '\nExample:\n  $ npx diptych site list --json')
    .action(async ({ remote }: { remote?: boolean }, command: Command) => {
      const out = consoleOf(command);
      const sites = await listSites(databaseOf(remote));
      for (const { id, name, origins, disabled } of sites) out.line(`${id}  ${name}  ${origins.join(', ')}${disabled ? '  disabled' : ''}`);
      out.result(sites);
    });
}

const databaseOf = (remote: boolean | undefined): SiteDatabase => (remote ? 'remote' : { state: LOCAL_STATE });
