/** `npm run bench -- NAME [options]`: measurements that are too slow or too noisy to be tests. */
import { Command, Option } from 'commander';
import { useSoftwareVulkan } from '../../models-manifest/cli/software-vulkan.ts';
import type { Backend } from '../../shared/protocol.ts';
import { benchEdge, type EdgeOptions } from './edge.ts';
import type { FuzzOptions } from './fuzz/fuzz.ts';
import { reportFuzz } from './fuzz/report.ts';
import { benchGuidance, type GuidanceOptions } from './guidance.ts';
import { benchRules, DEFAULT_VARIANTS, type RulesOptions } from './rules.ts';
import { benchTelemetry, type TelemetryOptions } from './telemetry.ts';
import { benchVisit, type VisitOptions } from './visit.ts';

const program = new Command('bench').description('Measures Diptych on this machine, everything to be compared in one run.');
const count = (text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  return program.error(`error: ${text} must be a whole number from 1`);
};

program
  .command('rules')
  .description('What a step costs under each fusion rule, beside a step without LoRAs, on the demo model.')
  .addOption(new Option('--backend <backend>', 'where it runs').choices(['wasm', 'webgpu', 'cpu']).default('wasm'))
  .option('--rounds <n>', 'measured rounds, after one that is not (default: 5, on webgpu 1)', count)
  .option('--steps <n>', 'steps of a picture (default: 20, on webgpu 1)', count)
  .option('--rules <names>', 'a comma-separated list', (text: string) => text.split(','))
  .action(async (options: { backend: Backend } & Partial<RulesOptions>) => {
    const { backend } = options;
    if (backend === 'webgpu') useSoftwareVulkan();
    const slow = backend === 'webgpu';
    await benchRules({ rounds: slow ? 1 : 5, steps: slow ? 1 : 20, rules: DEFAULT_VARIANTS[slow ? 'slow' : 'fast'], ...options });
  });

program
  .command('guidance')
  .description('What metric guidance costs: its network forward and backward, and a guided step beside an unguided one, on the demo model.')
  .addOption(new Option('--backend <backend>', 'where it runs').choices(['wasm', 'webgpu', 'cpu']).default('wasm'))
  .option('--rounds <n>', 'measured rounds, after one that is not (default: 5, on webgpu 1)', count)
  .option('--steps <n>', 'steps of a picture (default: 20, on webgpu 1)', count)
  .action(async (options: { backend: Backend } & Partial<GuidanceOptions>) => {
    if (options.backend === 'webgpu') useSoftwareVulkan();
    const slow = options.backend === 'webgpu';
    await benchGuidance({ rounds: slow ? 1 : 5, steps: slow ? 1 : 20, ...options });
  });

program
  .command('visit')
  .description(
    'What a visitor of the demo page waits for, in Chromium on WebAssembly: a first picture, a second visit, the next picture. Fails over a bar.',
  )
  .option('--rounds <n>', 'empty browser profiles, each with a first and a second visit', count, 3)
  .option('--steps <n>', 'steps of a picture', count, 20)
  .action(async (options: VisitOptions) => {
    if (!(await benchVisit(options))) process.exitCode = 1;
  });

program
  .command('telemetry')
  .description('Whether totals are exact when events go through the real queue, twice, in any order, to a consumer that is killed.')
  .option('--events <n>', 'events to send', count, 100_000)
  .option('--sites <n>', 'sites that send them', count, 50)
  .action((options: TelemetryOptions) => benchTelemetry(options));

program
  .command('edge')
  .description('Requests a second of the Worker’s routes, beside a plain handler that returns the same bytes, on workerd.')
  .option('--rounds <n>', 'rounds of four measurements, in turns', count, 3)
  .option('--seconds <n>', 'seconds a measurement', count, 1)
  .option('--clients <n>', 'requests under way at a time', count, 4)
  .option('--json <file>', 'writes the figures to a file as well')
  .action((options: EdgeOptions) => benchEdge(options));

program
  .command('fuzz')
  .description('Random and mutated requests against the Worker: no fault, no hang, no leak.')
  .option('--requests <n>', 'how many', count, 100_000)
  .option('--seed <n>', 'of everything random', count, 1)
  .option('--only <n>', 'the number of one request that is sent alone', Number)
  .action((options: FuzzOptions) => reportFuzz(options));

await program.parseAsync();
