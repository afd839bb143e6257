/** The `diptych` command: only the wiring. */
import { Command, CommanderError } from 'commander';
import { conformanceCommand } from './commands/conformance.ts';
import { gradCommand } from './commands/grad.ts';
import { generateCommand } from './commands/generate.ts';
import { loraCommand } from './commands/lora.ts';
import type { GlobalOptions } from './commands/options.ts';
import { prepareCommand } from './commands/prepare.ts';
import { publishCommand } from './commands/publish.ts';
import { siteCommand } from './commands/site.ts';
import { reportError } from './console.ts';

const program = new Command('diptych')
  .description('Prepares models and LoRAs for the browser, publishes them to the edge, and makes pictures on this machine.')
  .option('--store <folder>', 'the folder of prepared models and LoRAs', '.diptych/store')
  .option('--json', 'results as JSON on stdout, errors as JSON on stderr', false)
  .addHelpText(
    'after',
    '\nExit codes: 0 done, 1 failed, 2 not understood.\nExample:\n  $ npx diptych generate --subject pip --style knit --out picture.png',
  );

for (const add of [prepareCommand, loraCommand, publishCommand, siteCommand, generateCommand, gradCommand, conformanceCommand])
  add(program);
for (const command of [program, ...program.commands, ...program.commands.flatMap((child) => child.commands)]) command.exitOverride();

// A reader that has seen enough, as `head` has, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await program.parseAsync();
} catch (thrown) {
  if (thrown instanceof CommanderError) process.exitCode = thrown.exitCode === 0 ? 0 : 2;
  else process.exitCode = reportError(thrown, program.opts<GlobalOptions>().json);
}
