import { type Command, Option } from 'commander';
import { openNodeRuntime } from '../../../client/engine/sessions/node.ts';
import { DiptychError } from '../../../shared/errors.ts';
import type { Backend } from '../../../shared/protocol.ts';
import { type GoldenFolder, readGoldenFolder } from '../conformance/golden-folder.ts';
import { HEADING, lineOf } from '../conformance/line.ts';
import { goldenNames, type Outcome, runConformance } from '../conformance/run.ts';
import { useSoftwareVulkan } from '../software-vulkan.ts';
import { consoleOf } from './options.ts';

export function conformanceCommand(program: Command): void {
  program
    .command('conformance')
    .summary('compare with golden numbers')
    .description(
      'Makes every golden tensor of a folder again, by the engine’s own code, and compares. Exits 0 only when every one passes. On webgpu, a node that would leave the GPU fails the run; where no GPU driver is installed, Chromium’s software adapter is used.',
    )
    .argument('<path>', 'a pipeline folder with golden.safetensors and golden.json')
    .option('--only <names>', 'a comma-separated list of goldens')
    .addOption(new Option('--backend <backend>', 'where it runs').choices(['cpu', 'wasm', 'webgpu']).default('cpu'))
    .addHelpText(
      'after',
      '\nExample:\n  $ npx diptych conformance tests/fixtures/sd15-tiny --only eps.base,eps.kl,trajectory.kl.final --backend wasm',
    )
    .action(async (root: string, { only, backend }: { only?: string; backend: Backend }, command: Command) => {
      if (backend === 'webgpu') useSoftwareVulkan();
      const out = consoleOf(command);
      const folder = await readGoldenFolder(root);
      const names = selected(folder, only);
      const runtime = await openNodeRuntime(backend);
      out.line(HEADING);
      const outcomes: Outcome[] = [];
      for await (const outcome of runConformance(folder, runtime, names)) {
        outcomes.push(outcome);
        out.line(lineOf(outcome));
      }
      await runtime.close();
      const passed = outcomes.filter(({ status }) => status === 'pass').length;
      out.line(`${passed} of ${outcomes.length} pass on ${backend}`);
      out.result({ root, backend, passed, outcomes });
      if (passed < outcomes.length) process.exitCode = 1;
    });
}

function selected(folder: GoldenFolder, only: string | undefined): string[] {
  const all = goldenNames(folder);
  if (only === undefined) return all;
  const names = only.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !all.includes(name));
  if (unknown.length === 0) return names;
  throw new DiptychError('usage', `${folder.root} has no golden ${unknown.join(', ')}; it has ${all.join(', ')}`, { unknown });
}
