import { stat } from 'node:fs/promises';
import path from 'node:path';
import { type Command, Option } from 'commander';
import { openNodeRuntime } from '../../../client/engine/sessions/node.ts';
import { DiptychError } from '../../../shared/errors.ts';
import type { Backend } from '../../../shared/protocol.ts';
import { type GoldenFolder, readGoldenFolder } from '../conformance/golden-folder.ts';
import { HEADING, lineOf } from '../conformance/line.ts';
import { goldenNames, type Outcome, runConformance } from '../conformance/run.ts';
import { runSchedulers, SchedulersFile } from '../conformance/schedulers.ts';
import { requireConfig } from '../pipeline/read-config.ts';
import { useSoftwareVulkan } from '../software-vulkan.ts';
import type { Console } from '../console.ts';
import { consoleOf } from './options.ts';

export function conformanceCommand(program: Command): void {
  program
    .command('conformance')
    .summary('compare with golden numbers')
    .description(
      'Makes every golden tensor of a folder again, or every sampler run of a file, by the engine’s own code, and compares. Exits 0 only when every one passes. On webgpu, a node that would leave the GPU fails the run; where no GPU driver is installed, Chromium’s software adapter is used.',
    )
    .argument('<path>', 'a pipeline folder with golden.safetensors and golden.json, or a JSON file of sampler runs')
    .option('--only <names>', 'a comma-separated list of a folder’s goldens')
    .addOption(new Option('--backend <backend>', 'where it runs').choices(['cpu', 'wasm', 'webgpu']).default('cpu'))
    .addHelpText(
      'after',
      '\nExample:\n  $ npx diptych conformance tests/fixtures/sd15-tiny --only eps.base,eps.kl,trajectory.kl.final --backend wasm\n  $ npx diptych conformance tests/fixtures/schedulers.json',
    )
    .action(async (root: string, { only, backend }: { only?: string; backend: Backend }, command: Command) => {
      const out = consoleOf(command);
      const isFile = await stat(root).then(
        (found) => found.isFile(),
        () => false,
      );
      if (isFile) return compareRuns(root, only, out);
      if (backend === 'webgpu') useSoftwareVulkan();
      const folder = await readGoldenFolder(root);
      const names = selected(folder, only);
      const runtime = await openNodeRuntime(backend);
      const outcomes = await told(runConformance(folder, runtime, names), out);
      await runtime.close();
      conclude(outcomes, ` on ${backend}`, { root, backend }, out);
    });
}

/** The runs of a file need no network, so no backend. */
async function compareRuns(file: string, only: string | undefined, out: Console): Promise<void> {
  if (only !== undefined)
    throw new DiptychError('usage', '--only selects goldens of a folder; a file is compared whole', { option: 'only' });
  const runs = await requireConfig(path.dirname(file), path.basename(file), SchedulersFile);
  conclude(await told(runSchedulers(runs), out), '', { file }, out);
}

/** Every outcome, shown as it comes. */
async function told(coming: AsyncIterable<Outcome>, out: Console): Promise<Outcome[]> {
  out.line(HEADING);
  const outcomes: Outcome[] = [];
  for await (const outcome of coming) {
    outcomes.push(outcome);
    out.line(lineOf(outcome));
  }
  return outcomes;
}

function conclude(outcomes: readonly Outcome[], where: string, about: Record<string, string>, out: Console): void {
  const passed = outcomes.filter(({ status }) => status === 'pass').length;
  out.line(`${passed} of ${outcomes.length} pass${where}`);
  out.result({ ...about, passed, outcomes });
  if (passed < outcomes.length) process.exitCode = 1;
}

function selected(folder: GoldenFolder, only: string | undefined): string[] {
  const all = goldenNames(folder);
  if (only === undefined) return all;
  const names = only.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !all.includes(name));
  if (unknown.length === 0) return names;
  throw new DiptychError('usage', `${folder.root} has no golden ${unknown.join(', ')}; it has ${all.join(', ')}`, { unknown });
}
