import type { Command } from 'commander';
import { megabytes } from '../console.ts';
import { openLocalTarget } from '../publish/local-target.ts';
import { publish } from '../publish/publish.ts';
import { environmentName } from '../deploy/environment.ts';
import { openRemoteTarget } from '../publish/remote-target.ts';
import { consoleOf, interruptSignal, storeOf } from './options.ts';

export function publishCommand(program: Command): void {
  program
    .command('publish')
    .summary('send the store to the edge')
    .description(
      'Sends the files that the edge’s bucket lacks, each verified, and the catalogue last. --local is the bucket of `wrangler dev` on this machine; --remote is that of a deployed environment, through wrangler and your login (it needs a Cloudflare account, and has not been tried by this project’s tests).',
    )
    .option('--local', 'to this machine (default)')
    .option('--remote <environment>', 'to the bucket of staging or production in your account')
    .addHelpText('after', '\nExample:\n  $ npx diptych publish --local\n  $ npx diptych publish --remote production')
    .action(async (options: { remote?: string }, command: Command) => {
      const out = consoleOf(command);
      const target = options.remote === undefined ? await openLocalTarget() : await openRemoteTarget(environmentName(options.remote));
      try {
        const bar = out.progress('Publishing');
        const result = await publish(
          storeOf(command),
          target,
          (done, total) => bar.update(done, total, `${megabytes(done)} of ${megabytes(total)}`),
          interruptSignal(),
        );
        bar.end();
        out.line(
          `${result.models} models and ${result.loras} LoRAs are in ${target.name}: ${result.sent} files sent (${megabytes(result.bytesSent)}), ${megabytes(result.bytesKept)} were there`,
        );
        out.result(result);
      } finally {
        await target.close();
      }
    });
}
