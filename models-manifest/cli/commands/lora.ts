import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { LORA_KINDS, type LoraEntry } from '../../../shared/manifest.ts';
import { megabytes } from '../console.ts';
import { addLora, type AddLoraOptions } from '../lora/add-lora.ts';
import { exportedLayers } from '../lora/exported-layers.ts';
import { inspectLora, type InspectedBase } from '../lora/inspect-lora.ts';
import { readLoraFile } from '../lora/read-lora-file.ts';
import { normsPicture } from '../lora/norms-picture.ts';
import { reportLines } from '../lora/report-lines.ts';
import type { Store } from '../store.ts';
import { consoleOf, storeOf } from './options.ts';

interface InspectOptions {
  model?: string;
  base?: string;
  picture?: string;
}

export function loraCommand(program: Command): void {
  const lora = program
    .command('lora')
    .summary('LoRAs of the catalogue')
    .description('Manages the LoRAs of the catalogue, and tells what a LoRA file holds.')
    .addHelpText('after', '\nExample:\n  $ npx diptych lora add --help');
  addCommand(lora);
  inspectCommand(lora);
}

function addCommand(lora: Command): void {
  lora
    .command('add')
    .summary('check a LoRA file and add it')
    .description(
      'Reads a LoRA in the names of kohya, PEFT / diffusers, its attention processors, ComfyUI or the original code, checks every tensor against the base, and adds it to the store.',
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
    .option('--reference <image...>', 'PNG pictures of what it teaches: metric guidance pulls towards their mean embedding')
    .addOption(
      new Option('--references <json>', 'their embeddings, made elsewhere: {"dino": [...]} or {"clip": [...]}').conflicts('reference'),
    )
    .addHelpText('after', '\nExample:\n  $ npx diptych lora add pip.safetensors --kind subject --model demo --trigger "a pip creature"')
    .action(async (file: string, options: AddLoraOptions, command: Command) => {
      const out = consoleOf(command);
      const entry = await addLora(file, storeOf(command), options);
      out.line(
        `${entry.id}: ${entry.kind}, rank ${entry.rank}, ${entry.layerCount} layers, ${megabytes(entry.file.bytes)}, called by "${entry.trigger}"${referencesText(entry)}`,
      );
      out.result(entry);
    });
}

function referencesText({ references }: LoraEntry): string {
  return references ? `, references for ${Object.keys(references).join(', ')}` : '';
}

function inspectCommand(lora: Command): void {
  lora
    .command('inspect')
    .summary('tell what a LoRA file holds')
    .description(
      'Prints the kind of a LoRA file, its ranks, alphas and norms, which layers of a base it changes, its trigger words and how it was trained. A file that cannot be fused is told as far as it can be read, with the reason.',
    )
    .argument('<file>', 'a safetensors file')
    .addOption(new Option('--model <id>', 'count the layers of this model of the store').conflicts('base'))
    .option('--base <path>', 'count the layers of this exported pipeline folder, or of this ONNX file')
    .option('--picture <file>', 'draw the norm of every layer, as SVG')
    .addHelpText('after', '\nExample:\n  $ npx diptych lora inspect pip.safetensors --model demo --picture pip.svg')
    .action(async (file: string, options: InspectOptions, command: Command) => {
      const out = consoleOf(command);
      const { bytes, config } = await readLoraFile(file);
      const report = inspectLora(bytes, file, await inspectedBase(options, storeOf(command)), config);
      out.line(reportLines(report).join('\n'));
      if (options.picture !== undefined) await writeFile(options.picture, normsPicture(report));
      out.result(report);
    });
}

async function inspectedBase({ model, base }: InspectOptions, store: Store): Promise<InspectedBase | undefined> {
  if (model !== undefined) {
    const entry = await store.model(model);
    return { name: entry.id, layers: entry.layers };
  }
  return base === undefined ? undefined : { name: base, layers: await exportedLayers(base) };
}
