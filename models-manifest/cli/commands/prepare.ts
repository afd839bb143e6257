import path from 'node:path';
import { type Command, Option } from 'commander';
import { megabytes } from '../console.ts';
import { prepareModel, type PrepareOptions } from '../pipeline/prepare-model.ts';
import { modelBlobs, type ModelEntry } from '../../../shared/manifest.ts';
import { Store } from '../store.ts';
import { consoleOf, decimal, type GlobalOptions, interruptSignal, wholeNumber } from './options.ts';

type Options = Omit<PrepareOptions, 'shardBytes' | 'id' | 'name'> & { out?: string; id?: string; name?: string; shardSize: number };

export function prepareCommand(program: Command): void {
  program
    .command('prepare')
    .summary('make a base model ready for the browser')
    .description(
      'Reads a pipeline folder in the layout of public ONNX exports (unet/ or transformer/, vae_decoder/, text_encoder/, tokenizer/, scheduler/; text_encoder_2/ and tokenizer_2/ of SDXL and SD3), fixes its shapes, lists its LoRA layers and moves its weights into shards of the store.',
    )
    .argument('<dir>', 'the pipeline folder')
    .option('--out <store>', 'the store (default: --store)')
    .option('--id <id>', 'the model’s id in the catalogue (default: the folder’s name)')
    .option('--name <name>', 'its name for people (default: the id)')
    .requiredOption('--license <spdx>', 'its licence: Apache-2.0, CreativeML-OpenRAIL-M ...')
    .requiredOption('--author <name>', 'who made it')
    .addOption(
      new Option('--weights <type>', 'store weights as float32, or as float16 that is widened in the graph')
        .choices(['float32', 'float16'])
        .default('float32'),
    )
    .option('--shard-size <MiB>', 'the most MiB of a shard', wholeNumber(1, 64), 64)
    .option('--height <n>', 'of the latent (default: sample_size of the denoiser’s config.json)', wholeNumber(1, 1024))
    .option('--width <n>', 'of the latent', wholeNumber(1, 1024))
    .option('--steps <n>', 'default number of sampling steps (default: the family’s; 1 of a Turbo model)', wholeNumber(1, 1000))
    .option(
      '--guidance-scale <s>',
      'default guidance scale (default: the family’s; 1 of a Turbo model). At 1 or less the denoiser is prepared for no other: half the work',
      decimal,
    )
    .option(
      '--no-guidance',
      'leave out the networks of metric guidance (tiny_decoder/, image_encoder_dino/, image_encoder_clip/, text_encoder_clip/)',
    )
    .addHelpText(
      'after',
      '\nExample:\n  $ npx diptych prepare ./sd15-onnx --id sd15 --license CreativeML-OpenRAIL-M --author "Runway" --weights float16',
    )
    .action(async (dir: string, options: Options, command: Command) => {
      const out = consoleOf(command);
      const store = new Store(options.out ?? command.optsWithGlobals<GlobalOptions>().store);
      const id = options.id ?? path.basename(path.resolve(dir)).toLowerCase();
      const bar = out.progress(`Preparing ${id}`);
      const settings = { ...options, id, name: options.name ?? id, shardBytes: options.shardSize * 2 ** 20 };
      const model = await prepareModel(dir, store, settings, (stage, done, total) => bar.update(done, total, stage), interruptSignal());
      bar.end();
      const bytes = modelBlobs(model).reduce((sum, ref) => sum + ref.bytes, 0);
      out.line(
        `${model.id}: ${megabytes(bytes)} in ${modelBlobs(model).length} files, ${model.layers.denoiser.length} LoRA layers in the denoiser, ${model.layers.textEncoder.length + (model.layers.textEncoder2?.length ?? 0)} in its text encoders; pictures of ${model.image.width} x ${model.image.height}; ${guidanceText(model)}`,
      );
      out.result(model);
    });
}

function guidanceText({ guidance }: ModelEntry): string {
  if (!guidance) return 'no metric guidance';
  return `metric guidance by ${Object.keys(guidance.encoders).join(' and ')} through ${guidance.tinyDecoder ? 'the tiny decoder' : 'its own decoder'}`;
}
