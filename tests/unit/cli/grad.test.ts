import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { type GradientRequest, makeGradient } from '../../../models-manifest/cli/grad/make-gradient.ts';
import { writeLarge } from '../../../models-manifest/cli/grad/write-large.ts';
import { DiptychError } from '../../../shared/errors.ts';
import { makeNode, type Model } from '../../../shared/onnx/ir.ts';
import { readModel } from '../../../shared/onnx/read.ts';
import { writeModel } from '../../../shared/onnx/write.ts';
import { diptych } from './diptych-process.ts';
import { SD15 } from './fixture-folder.ts';
import { tempRoot } from './temp-root.ts';

const root = tempRoot();
const fixture = (part: string) => path.join(SD15, part, 'model.onnx');
const modelOf = async (file: string): Promise<Model> => readModel(await readFile(file), file);

const REQUEST: GradientRequest = { loss: 'image_embeds', inputs: ['pixel_values'], dims: [], prefix: 'grad', recompute: false };

/** Sum of the loss at `pixels`, and the gradient. */
async function run(file: string, pixels: Float32Array, dims: number[]) {
  const session = await InferenceSession.create(file);
  const outputs = await session.run({ pixel_values: new Tensor('float32', pixels, dims) });
  await session.release();
  const loss = (outputs['image_embeds']!.data as Float32Array).reduce((sum, value) => sum + value, 0);
  return { loss, gradient: outputs['grad.pixel_values']?.data as Float32Array };
}

describe('the command', () => {
  test.each([[[]], [['--recompute']]])('writes a graph whose gradient is the slope of the loss %j', async (options) => {
    const out = path.join(root, `clip${options.length}.onnx`);
    const { code, stdout } = await diptych(
      'grad',
      fixture('image_encoder_clip'),
      '--input',
      'pixel_values',
      '--loss',
      'image_embeds',
      '--out',
      out,
      '--json',
      ...options,
    );
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ files: [out], gradients: [{ name: 'grad.pixel_values', dims: ['batch', 3, 32, 32] }] });
    expect(report.nodes.all).toBeGreaterThan(report.nodes.forward);
    expect(report.plannedPeak.recomputed).toBeGreaterThan(report.plannedPeak.forward);
    expect(report.plannedPeak.kept).toBeGreaterThan(report.plannedPeak.recomputed);
    const dims = [2, 3, 32, 32];
    const at = Float32Array.from({ length: 2 * 3 * 32 * 32 }, (_, i) => Math.sin(i));
    const direction = Float32Array.from(at, (_, i) => Math.cos(3 * i));
    const step = 1e-2;
    const moved = (sign: number) =>
      run(
        out,
        at.map((value, i) => value + sign * step * direction[i]!),
        dims,
      );
    const slope = ((await moved(1)).loss - (await moved(-1)).loss) / (2 * step);
    const { gradient } = await run(out, at, dims);
    expect(gradient.reduce((sum, value, i) => sum + value * direction[i]!, 0)).toBeCloseTo(slope, 2);
    expect((await readdir(root)).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  test.each<[about: string, args: string[], code: number, message: RegExp]>([
    ['a file that is not there', [path.join(root, 'none.onnx')], 2, /none\.onnx cannot be read; give an ONNX file/],
    ['a file that is no ONNX', [path.join(SD15, 'golden.json')], 1, /error\[onnx_malformed\].*golden\.json/],
    ['dims that are none', [fixture('image_encoder_clip'), '--dims', 'batch'], 2, /It must be NAME=SIZES/],
    ['dims of what is not there', [fixture('image_encoder_clip'), '--dims', 'width=3'], 2, /--dims width=3: .* it has pixel_values, batch/],
  ])('refuses %s, and writes nothing', async (_, args, code, message) => {
    const out = path.join(root, 'refused.onnx');
    const result = await diptych('grad', ...args, '--input', 'pixel_values', '--loss', 'image_embeds', '--out', out);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(message);
    expect(await readdir(root)).not.toContain('refused.onnx');
  });
});

describe('makeGradient', () => {
  test('differentiates by a weight', async () => {
    const model = await modelOf(fixture('image_encoder_clip'));
    const [weight, tensor] = [...model.graph.initializers].find(([, { dims }]) => dims.length === 2)!;
    const { gradients } = makeGradient(model, { ...REQUEST, inputs: [weight] });
    expect(gradients).toEqual([{ name: `grad.${weight}`, type: { dataType: 'float32', dims: tensor.dims } }]);
  });

  test.each(['', 'pixel_values_dynamic_axes_1'])('takes a first dim of the name "%s", which is none, for the batch', async (symbol) => {
    const { graph, ...model } = await modelOf(fixture('image_encoder_clip'));
    const inputs = graph.inputs.map(({ name, type }) => ({ name, type: { ...type, dims: [symbol, ...type.dims!.slice(1)] } }));
    const { gradients, open } = makeGradient({ ...model, graph: { ...graph, inputs } }, REQUEST);
    expect(open).toBe('batch');
    expect(gradients[0]!.type.dims).toEqual(['batch', 3, 32, 32]);
  });

  test('fixes a symbolic dim by name, or an input as a whole', async () => {
    const model = await modelOf(fixture('image_encoder_clip'));
    for (const dims of [[{ name: 'batch', sizes: [3] }], [{ name: 'pixel_values', sizes: [3, 3, 32, 32] }]]) {
      const { gradients, open } = makeGradient(model, { ...REQUEST, dims });
      expect(open).toBeUndefined();
      expect(gradients[0]!.type.dims).toEqual([3, 3, 32, 32]);
    }
  });

  const withNode = (edit: (model: Model) => Model) => async () => edit(await modelOf(fixture('image_encoder_clip')));
  const withInput = (dims: (string | number)[] | undefined) =>
    withNode((model) => ({
      ...model,
      graph: { ...model.graph, inputs: [{ name: 'pixel_values', type: { dataType: 'float32', ...(dims ? { dims } : {}) } }] },
    }));
  test.each<[about: string, model: () => Promise<Model>, request: Partial<GradientRequest>, message: RegExp]>([
    [
      'an input that is not there',
      withNode((model) => model),
      { inputs: ['pixels'] },
      /has no value pixels; its inputs are pixel_values, its outputs image_embeds/,
    ],
    ['a loss that is not there', withNode((model) => model), { loss: 'logits' }, /has no value logits/],
    [
      'a size that is open',
      withInput(['batch', 3, 'height', 'width']),
      {},
      /\[batch, 3, height, width\] leaves axis 2 open; say it, for example by --dims height=64/,
    ],
    [
      'a size that is open and nameless',
      withInput(['batch', 3, '', '']),
      {},
      /leaves axis 2 open; say it, for example by --dims pixel_values=1,3,1,1/,
    ],
    [
      'an input without a shape',
      withInput(undefined),
      {},
      /pixel_values has no shape at all; say it, for example by --dims pixel_values=1,3,64,64/,
    ],
    [
      'an operator without a rule',
      withNode((model) => {
        const [output] = model.graph.outputs;
        const nodes = [...model.graph.nodes, makeNode('Hardmax', '/head/Hardmax', [output!.name], ['loss'])];
        return { ...model, graph: { ...model.graph, nodes, outputs: [{ name: 'loss', type: output!.type }] } };
      }),
      { loss: 'loss' },
      /node \/head\/Hardmax \(Hardmax\) with inputs \(float32\[5,\d+\]\) has no gradient rule/,
    ],
  ])('refuses %s', async (_, model, request, message) => {
    const made = await model();
    const attempt = () => makeGradient(made, { ...REQUEST, ...request });
    expect(attempt).toThrowError(DiptychError);
    expect(attempt).toThrowError(message);
  });
});

test('a model with much weight gets a file beside it, which runtimes read', async () => {
  const file = path.join(root, 'large.onnx');
  const { model } = makeGradient(await modelOf(fixture('image_encoder_clip')), REQUEST);
  expect(await writeLarge(file, model, 1000)).toEqual([file, `${file}.data`]);
  await writeFile(path.join(root, 'small.onnx'), writeModel(model));
  const pixels = Float32Array.from({ length: 3 * 32 * 32 }, (_, i) => Math.sin(i));
  expect(await run(file, pixels, [1, 3, 32, 32])).toEqual(await run(path.join(root, 'small.onnx'), pixels, [1, 3, 32, 32]));
});
