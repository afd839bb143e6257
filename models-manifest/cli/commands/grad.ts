import path from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { plannedPeak } from '../../../shared/autodiff/planned-peak.ts';
import { DiptychError } from '../../../shared/errors.ts';
import { loadExternal } from '../../../shared/onnx/load-external.ts';
import { megabytes } from '../console.ts';
import { type GivenDims, makeGradient } from '../grad/make-gradient.ts';
import { writeLarge } from '../grad/write-large.ts';
import { readNetwork } from '../pipeline/read-part.ts';
import { consoleOf } from './options.ts';

interface Options {
  input: string[];
  loss: string;
  out: string;
  dims?: GivenDims[];
  prefix: string;
  recompute: boolean;
}

export function gradCommand(program: Command): void {
  program
    .command('grad')
    .summary('add a gradient to an ONNX graph')
    .description(
      'Writes the graph with an output PREFIX.NAME for each --input: the gradient of the loss. It runs wherever the graph runs. A loss of more than one element is summed. docs/autodiff.md has the operators.',
    )
    .argument('<model>', 'an ONNX file')
    .requiredOption('--input <name>', 'an input, or a weight, to differentiate by; repeatable', added)
    .requiredOption('--loss <name>', 'the output to differentiate')
    .requiredOption('--out <file>', 'the ONNX file to write')
    .option(
      '--dims <name=sizes>',
      'the dims of an input (pixel_values=1,3,224,224) or the size of a symbolic dim (height=64); repeatable',
      dims,
    )
    .option('--prefix <prefix>', 'what the names of the gradients begin with', 'grad')
    .option('--recompute', 'make cheap values again instead of keeping them: less memory, some more time', false)
    .addHelpText(
      'after',
      '\nA first dim that is symbolic may stay open: the gradient is then for any batch.\nExample:\n  $ npx diptych grad vit.onnx --input pixel_values --loss image_embeds --out vit.grad.onnx',
    )
    .action(async (file: string, options: Options, command: Command) => {
      const out = consoleOf(command);
      const part = await readNetwork(file);
      const whole = await loadExternal(part.model, part.readExternal);
      const request = { ...options, inputs: options.input, dims: options.dims ?? [] };
      const made = ofFile(file, () => makeGradient(whole, request));
      const files = await writeLarge(options.out, made.model);
      const fixed = made.open === undefined ? request : { ...request, dims: [...request.dims, { name: made.open, sizes: [1] }] };
      const peak = (recompute: boolean) => plannedPeak(makeGradient(whole, { ...fixed, recompute }).model.graph).bytes;
      const report = {
        files,
        summed: made.summed,
        gradients: made.gradients.map(({ name, type }) => ({ name, dims: type.dims })),
        nodes: { forward: made.forward.graph.nodes.length, all: made.model.graph.nodes.length },
        plannedPeak: { forward: plannedPeak(made.forward.graph).bytes, kept: peak(false), recomputed: peak(true) },
      };
      for (const { name, dims: shape } of report.gradients) out.line(`${name} [${shape?.join(', ')}]`);
      if (made.summed) out.line(`of the sum of ${options.loss} [${made.summed.join(', ')}]`);
      out.line(`${report.nodes.forward} nodes forward, ${report.nodes.all} in all`);
      const { forward, kept, recomputed } = report.plannedPeak;
      out.line(
        `planned peak of activations${made.open === undefined ? '' : ` at ${made.open} = 1`}: ${megabytes(forward)} forward, ${megabytes(kept)} with the gradient, ${megabytes(recomputed)} with --recompute`,
      );
      out.line(`written: ${files.map((name) => path.relative('.', name)).join(', ')}`);
      out.result(report);
    });
}

/** Refusals of a graph know its name at most, which exporters do not choose well. */
function ofFile<T>(file: string, make: () => T): T {
  try {
    return make();
  } catch (thrown) {
    if (!(thrown instanceof DiptychError) || thrown.code === 'usage') throw thrown;
    throw new DiptychError(thrown.code, `${file}: ${thrown.message}`, { ...thrown.details, file }, { cause: thrown });
  }
}

const added = (name: string, before: string[] = []): string[] => [...before, name];

function dims(text: string, before: GivenDims[] = []): GivenDims[] {
  const [, name, list] = /^(.+)=([0-9,]+)$/.exec(text) ?? [];
  const sizes = list?.split(',').map(Number);
  if (!name || !sizes?.every((size) => Number.isInteger(size) && size > 0)) {
    throw new InvalidArgumentError('It must be NAME=SIZES, as pixel_values=1,3,224,224 or batch=2.');
  }
  return [...before, { name, sizes }];
}
