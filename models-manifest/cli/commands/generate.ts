import { type Command, Option } from 'commander';
import { GuidanceSettings } from '../../../shared/guidance/settings.ts';
import type { EngineEvent } from '../../../shared/protocol.ts';
import { DEFAULT_RULE, RULES, RuleSettings } from '../../../shared/rules.ts';
import { SAMPLERS, SCHEDULES } from '../../../shared/samplers.ts';
import { type Console, megabytes, type Progress } from '../console.ts';
import { makePicture, type PictureOptions } from '../generate/make-picture.ts';
import { reportOf } from '../generate/report.ts';
import { encodePng } from '../image/encode-png.ts';
import { writeWhole } from '../store.ts';
import { useSoftwareVulkan } from '../software-vulkan.ts';
import { consoleOf, decimal, interruptSignal, setting, storeOf, wholeNumber } from './options.ts';

interface Options extends Omit<PictureOptions, 'strengths' | 'guidance'> {
  subjectStrength: number;
  styleStrength: number;
  guidance?: number;
  guidanceSetting?: GuidanceSettings;
  out: string;
  report?: string;
}

const names = ({ entries }: { entries: object }): string => Object.keys(entries).join(', ');

export function generateCommand(program: Command): void {
  program
    .command('generate')
    .summary('make a picture with the engine of the browser')
    .description('Runs the same engine as the visitor’s browser on this machine, from the files of the store.')
    .option('--model <id>', 'the base (default: the one the LoRAs are for)')
    .option('--subject <id>', 'a subject LoRA')
    .option('--style <id>', 'a style LoRA')
    .option('--prompt <text>', 'what to draw (default: the triggers of the LoRAs)')
    .option('--negative-prompt <text>', 'what guidance leads away from')
    .option('--seed <n>', 'an unsigned 32-bit number', wholeNumber(0, 2 ** 32 - 1), 0)
    .option('--steps <n>', 'sampling steps (default: the model’s)', wholeNumber(1, 1000))
    .addOption(new Option('--sampler <name>', 'how it steps (default: the model’s)').choices(SAMPLERS))
    .addOption(new Option('--schedule <name>', 'where the steps lie (default: the model’s)').choices(SCHEDULES))
    .option('--guidance-scale <s>', 'classifier-free guidance (default: the model’s; off at 1 or less)', decimal)
    .option('--subject-strength <s>', 'scale of the subject LoRA', decimal, 1)
    .option('--style-strength <s>', 'scale of the style LoRA', decimal, 1)
    .addOption(new Option('--rule <rule>', 'how the two LoRAs are fused').choices(RULES).default(DEFAULT_RULE))
    .addOption(
      new Option('--rule-setting <name=value...>', `what a rule lets you set: ${names(RuleSettings)}`).argParser(setting(RuleSettings)),
    )
    .option('--guidance <eta>', 'metric guidance towards the LoRAs’ references, in steps of this length (0.05 is a start)', decimal)
    .addOption(
      new Option(
        '--guidance-setting <name=value...>',
        `what else guidance lets you set: ${names(GuidanceSettings)}; a metric by weights.gram=1`,
      ).argParser(setting(GuidanceSettings)),
    )
    .addOption(new Option('--backend <backend>', 'where it runs').choices(['cpu', 'wasm', 'webgpu']).default('cpu'))
    .option('--out <png>', 'the picture', 'picture.png')
    .option('--report <json>', 'settings, timings, and every layer’s distances and choice at every step')
    .addHelpText(
      'after',
      '\nExample:\n  $ npx diptych generate --subject pip --style knit --seed 7 --out pip-knit.png --report pip-knit.json',
    )
    .action(
      async (
        { subjectStrength, styleStrength, guidance: eta, guidanceSetting, out: file, report: reportFile, ...options }: Options,
        command: Command,
      ) => {
        if (options.backend === 'webgpu') useSoftwareVulkan();
        const out = consoleOf(command);
        const bar = out.progress('Generating');
        const strengths = [subjectStrength, styleStrength] as const;
        const guidance = eta === undefined ? guidanceSetting : { ...guidanceSetting, eta };
        const picture = await makePicture(
          storeOf(command),
          { ...options, strengths, ...(guidance ? { guidance } : {}) },
          (event) => show(event, bar, out),
          interruptSignal(),
        );
        bar.end();
        await writeWhole(file, encodePng(picture.image));
        const report = reportOf(picture);
        if (reportFile !== undefined) await writeWhole(reportFile, new TextEncoder().encode(`${JSON.stringify(report, undefined, 1)}\n`));
        const share = (report as { subjectShare: number | null }).subjectShare;
        const fused = share === null ? '' : `, ${Math.round(share * 100)} % of the choices to the subject`;
        out.line(
          `${file}: ${picture.image.width} x ${picture.image.height}, ${picture.request.steps} steps in ${(picture.timings.totalMs / 1000).toFixed(1)} s on ${picture.engine.backend}${fused}`,
        );
        out.result({ out: file, ...report });
      },
    );
}

function show(event: EngineEvent, bar: Progress, out: Console): void {
  if (event.type === 'download') bar.update(event.loaded, event.total, megabytes(event.loaded));
  if (event.type === 'session') bar.update(event.index, event.count, `starting the ${event.graph}`);
  if (event.type === 'step') bar.update(event.step, event.steps, `step ${event.step} of ${event.steps}`);
  if (event.type === 'warning') {
    bar.end();
    out.warn(event.message);
  }
}
