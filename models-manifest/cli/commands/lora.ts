import { type Command, Option } from 'commander';
import { LORA_KINDS } from '../../../shared/manifest.ts';
import { megabytes } from '../console.ts';
import { addLora, type AddLoraOptions } from '../lora/add-lora.ts';
import { consoleOf, storeOf } from './options.ts';

export function loraCommand(program: Command): void {
  const lora = program
    .command('lora')
    .summary('LoRAs of the catalogue')
    .description('Manages the LoRAs of the catalogue.')
    .addHelpText('after', '\nExample:\n  $ npx diptych lora add --help');
  lora
    .command('add')
    .summary('check a LoRA file and add it')
    .description(
      'Reads a LoRA in kohya, PEFT / diffusers or attention-processor names, checks every tensor against the base, and adds it to the store.',
    )
    .argument('<file>', 'a safetensors file')
    .addOption(new Option('--kind <kind>', 'what it teaches').choices(LORA_KINDS).makeOptionMandatory())
    .requiredOption('--model <id>', 'the base it was trained on')
    .option('--id <id>', 'its id in the catalogue (default: from the file’s name)')
    .option('--name <name>', 'its name for people')
    .option('--trigger <words>', 'the words that call it in a prompt (default: the file’s metadata)')
    .option('--license <spdx>', 'its licence', 'unknown')
    .option('--author <name>', 'who made it', 'unknown')
    .option('--thumbnail <image>', 'a small PNG, JPEG or WebP, at most 24 KB')
    .addHelpText('after', '\nExample:\n  $ npx diptych lora add pip.safetensors --kind subject --model demo --trigger "a pip creature"')
    .action(async (file: string, options: AddLoraOptions, command: Command) => {
      const out = consoleOf(command);
      const entry = await addLora(file, storeOf(command), options);
      out.line(
        `${entry.id}: ${entry.kind}, rank ${entry.rank}, ${entry.layerCount} layers, ${megabytes(entry.file.bytes)}, called by "${entry.trigger}"`,
      );
      out.result(entry);
    });
}
