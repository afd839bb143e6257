import { type Command, InvalidArgumentError } from 'commander';
import { originPattern } from '../../../shared/origins.ts';
import type { SiteChange, SiteRecord } from '../../../shared/site-settings.ts';
import { AdminClient } from '../site/admin-client.ts';
import { adminToken } from '../site/admin-token.ts';
import { changedList, changesList, type ListOptions } from '../site/list-change.ts';
import { bytesOrUnlimited, countOrUnlimited, seconds } from '../site/quantities.ts';
import { auditTable, siteLines, siteTable } from '../site/site-lines.ts';
import * as requests from '../site/site-requests.ts';
import { consoleOf, wholeNumber } from './options.ts';

/** Where `npm start` has it. */
const LOCAL_EDGE = 'http://localhost:8787';

interface EdgeOptions {
  edge: URL;
  tokenFile?: string;
}

/** Infinity: unlimited. */
interface Quotas {
  bytes?: number;
  generations?: number;
}

interface CreateOptions extends Quotas {
  id?: string;
  name: string;
  origin?: string[];
  model?: string[];
  lora?: string[];
}

export function siteCommand(program: Command): void {
  const site = program
    .command('site')
    .summary('sites that may embed the studio')
    .description(
      'Manages the sites of a running edge through its admin API: their keys, origins, allow-lists and daily limits. The token comes from DIPTYCH_ADMIN_TOKEN or --token-file; for an edge on this machine from .dev.vars, where npm start has put one.',
    )
    .option('--edge <url>', `the edge’s address (default: DIPTYCH_EDGE, or ${LOCAL_EDGE})`, edgeAddress)
    .option('--token-file <file>', 'a file that holds the admin token')
    .addHelpText(
      'after',
      '\nExample:\n  $ npx diptych site list\n  $ npx diptych site --edge https://edge.example --token-file token create --name "My shop" --origin https://shop.example',
    );
  addCreate(site);
  addReading(site);
  addKeys(site);
  addSwitches(site);
  addOrigins(site);
  for (const name of ['models', 'loras'] as const) addAllowList(site, name);
  addQuota(site);
}

function edgeAddress(text: string): URL {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return new URL(text);
  throw new InvalidArgumentError('It must be an address such as https://edge.example.');
}

/** Each origin of an option that takes several, in the form that the edge keeps. */
function origins(text: string, before: string[] = []): string[] {
  const pattern = originPattern(text);
  if (pattern !== undefined) return [...before, pattern];
  throw new InvalidArgumentError(`${text} is no origin; write https://shop.example, https://*.shop.example or http://localhost:*.`);
}

async function adminOf(command: Command): Promise<AdminClient> {
  const { edge = edgeAddress(process.env.DIPTYCH_EDGE || LOCAL_EDGE), tokenFile } = command.optsWithGlobals<Partial<EdgeOptions>>();
  return new AdminClient(edge, await adminToken(edge, tokenFile));
}

/** What a command did to a site, as `told` and in full for machines. */
function tell(command: Command, site: SiteRecord, told: readonly string[] = siteLines(site)): void {
  const out = consoleOf(command);
  for (const line of told) out.line(line);
  out.result(site);
}

type Given<T> = { [Name in keyof T]?: Exclude<T[Name], undefined> };

/** Without what was not given: the edge leaves that as it is. */
const given = <T extends object>(values: T): Given<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<T>;

function dailyLimits({ bytes, generations }: Quotas): Pick<SiteChange, 'dailyBytes' | 'dailyGenerations'> {
  const limit = (value: number | undefined) => (value === Infinity ? null : value);
  return given({ dailyBytes: limit(bytes), dailyGenerations: limit(generations) });
}

function addCreate(site: Command): void {
  site
    .command('create')
    .summary('create a site with its first key')
    .description('Creates a site with its first key. What is not limited is unlimited.')
    .requiredOption('--name <name>', 'its name')
    .option('--id <id>', 'its id, for good (default: a new one)')
    .option('--origin <origin...>', 'origins that may embed it: https://shop.example, https://*.shop.example, http://localhost:*', origins)
    .option('--model <id...>', 'the only models it may use')
    .option('--lora <id...>', 'the only LoRAs it may use')
    .option('--bytes <size>', 'weights a UTC day: 50GB', bytesOrUnlimited)
    .option('--generations <n>', 'pictures a UTC day', countOrUnlimited)
    .addHelpText('after', '\nExample:\n  $ npx diptych site create --name "My shop" --origin https://shop.example --bytes 50GB')
    .action(async (options: CreateOptions, command: Command) => {
      const { id, name, origin, model, lora } = options;
      const body = { name, ...given({ id, origins: origin, models: model, loras: lora }), ...dailyLimits(options) };
      tell(command, await requests.createSite(await adminOf(command), body));
    });
}

function addReading(site: Command): void {
  site
    .command('list')
    .summary('list them')
    .description('Lists the sites, each with its newest key.')
    .addHelpText('after', '\nExample:\n  $ npx diptych site list --json')
    .action(async (_: object, command: Command) => {
      const out = consoleOf(command);
      const sites = await requests.listSites(await adminOf(command));
      for (const line of siteTable(sites)) out.line(line);
      out.result(sites);
    });
  site
    .command('show <id>')
    .summary('everything about one')
    .description('Shows a site: its keys and when they expire, origins, allow-lists and limits.')
    .addHelpText('after', '\nExample:\n  $ npx diptych site show pk_demo')
    .action(async (id: string, _: object, command: Command) => tell(command, await requests.readSite(await adminOf(command), id)));
  site
    .command('audit [id]')
    .summary('who changed what')
    .description('Shows what was done to a site, or to any, the newest first.')
    .option('--limit <n>', 'at most so many', wholeNumber(1, 100_000), 50)
    .addHelpText('after', '\nExample:\n  $ npx diptych site audit pk_demo --limit 10')
    .action(async (id: string | undefined, { limit }: { limit: number }, command: Command) => {
      const out = consoleOf(command);
      const entries = await requests.readAudit(await adminOf(command), id, limit);
      for (const line of auditTable(entries)) out.line(line);
      out.result(entries);
    });
}

function addKeys(site: Command): void {
  site
    .command('rotate <id>')
    .summary('a new key')
    .description('Makes a new key. Those so far are accepted for a while longer, in which the pages can be changed.')
    .option('--overlap <duration>', 'how long: 7d, 12h, 30m, 90s, or 0 for not at all (default: 7d)', seconds)
    .addHelpText('after', '\nExample:\n  $ npx diptych site rotate my-shop --overlap 30d')
    .action(async (id: string, { overlap }: { overlap?: number }, command: Command) => {
      const out = consoleOf(command);
      const rotated = await requests.rotateKey(await adminOf(command), id, overlap);
      out.line(`${rotated.key} is the new key of ${id}.`);
      for (const { key, expires } of rotated.site.keys) if (expires !== null) out.line(`${key} is accepted until ${expires}.`);
      out.result(rotated);
    });
  site
    .command('revoke <id> <key>')
    .summary('end a key now')
    .description('Ends a key now: pages that still name it are refused within 15 seconds.')
    .addHelpText('after', '\nExample:\n  $ npx diptych site revoke my-shop pk_5f0c1b2a3d4e5f60718293a4')
    .action(async (id: string, key: string, _: object, command: Command) =>
      tell(command, await requests.revokeKey(await adminOf(command), id, key)),
    );
}

function addSwitches(site: Command): void {
  for (const [name, disabled, what] of [
    ['disable', true, 'refuse everything to a site'],
    ['enable', false, 'let a disabled site work again'],
  ] as const)
    site
      .command(`${name} <id>`)
      .summary(what)
      .description(`${what[0]!.toUpperCase()}${what.slice(1)}. It is seen everywhere within 15 seconds.`)
      .addHelpText('after', `\nExample:\n  $ npx diptych site ${name} my-shop`)
      .action(async (id: string, _: object, command: Command) => {
        tell(command, await requests.changeSite(await adminOf(command), id, { disabled }), [`${id} is ${name}d.`]);
      });
  site
    .command('rename <id> <name>')
    .summary('another name')
    .description('Gives a site another name. Its id stays.')
    .addHelpText('after', '\nExample:\n  $ npx diptych site rename my-shop "Our shop"')
    .action(async (id: string, name: string, _: object, command: Command) =>
      tell(command, await requests.changeSite(await adminOf(command), id, { name })),
    );
}

/** Shows the list, or changes it as it stands then: between reading and writing nobody else may. */
async function changeOrShow(
  command: Command,
  id: string,
  options: ListOptions,
  decide: (site: SiteRecord) => SiteChange,
): Promise<SiteRecord> {
  const admin = await adminOf(command);
  return changesList(options) ? requests.decideChange(admin, id, decide) : requests.readSite(admin, id);
}

function addOrigins(site: Command): void {
  site
    .command('origins <id>')
    .summary('the origins whose pages may embed it')
    .description('Shows the origins whose pages may embed the studio, or changes them.')
    .option('--set <origin...>', 'these and no others', origins)
    .option('--add <origin...>', 'these as well', origins)
    .option('--remove <origin...>', 'no longer these', origins)
    .addHelpText('after', '\nExample:\n  $ npx diptych site origins my-shop --add "https://*.shop.example"')
    .action(async (id: string, options: ListOptions, command: Command) => {
      const changed = await changeOrShow(command, id, options, (before) => ({ origins: changedList(before.origins, options)! }));
      tell(command, changed, changed.origins.length > 0 ? changed.origins : ['none: no page may embed it']);
    });
}

function addAllowList(site: Command, name: 'models' | 'loras'): void {
  site
    .command(`${name} <id>`)
    .summary(`the ${name} it may use`)
    .description(`Shows the ${name} that a site may use, or changes them.`)
    .option('--set <id...>', 'these and no others')
    .option('--add <id...>', 'these as well')
    .option('--remove <id...>', 'no longer these')
    .option('--all', 'all that are published, now and later')
    .addHelpText('after', `\nExample:\n  $ npx diptych site ${name} my-shop --set ${name === 'models' ? 'demo' : 'pip knit'}`)
    .action(async (id: string, options: ListOptions, command: Command) => {
      const changed = await changeOrShow(command, id, options, (before) => ({ [name]: changedList(before[name], options) }));
      const list = changed[name];
      tell(command, changed, list?.length === 0 ? ['none'] : (list ?? ['all']));
    });
}

function addQuota(site: Command): void {
  site
    .command('quota <id>')
    .summary('its daily limits')
    .description('Shows what a site may use a UTC day, or changes it.')
    .option('--bytes <size>', 'weights: 50GB, 512MiB, or unlimited', bytesOrUnlimited)
    .option('--generations <n>', 'pictures, or unlimited', countOrUnlimited)
    .addHelpText('after', '\nExample:\n  $ npx diptych site quota my-shop --bytes 50GB --generations unlimited')
    .action(async (id: string, quotas: Quotas, command: Command) => {
      const admin = await adminOf(command);
      const change = dailyLimits(quotas);
      const after = Object.keys(change).length > 0 ? await requests.changeSite(admin, id, change) : await requests.readSite(admin, id);
      tell(command, after, siteLines(after).slice(-2));
    });
}
