import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { type GradientRequest, makeGradient } from '../../../models-manifest/cli/grad/make-gradient.ts';
import { writeLarge } from '../../../models-manifest/cli/grad/write-large.ts';
import { DiptychError } from '../../../shared/errors.ts';
import { elements } from '../../../shared/onnx/constant-values.ts';
import { float32Tensor, makeNode, type Model } from '../../../shared/onnx/ir.ts';
import { readModel } from '../../../shared/onnx/read.ts';
import { writeModel } from '../../../shared/onnx/write.ts';
import { diptych } from './diptych-process.ts';
import { SD15 } from './fixture-folder.ts';
import { tempRoot } from './temp-root.ts';

const root = tempRoot();
const fixture = (part: string) => path.join(SD15, part, 'model.onnx');
const modelOf = async (file: string): Promise<Model> => readModel(await readFile(file), file);

const REQUEST: GradientRequest = { loss: 'image_embeds', inputs: ['pixel_values'], dims: [], prefix: 'grad', recompute: false };

type Feeds = Record<string, { values: Float32Array; dims: number[] }>;

const wave = (length: number, k: number): Float32Array => Float32Array.from({ length }, (_, i) => Math.sin(k * i + 0.3));
const feedOf = (dims: number[]): Feeds[string] => ({
  values: wave(
    dims.reduce((a, b) => a * b, 1),
    1,
  ),
  dims,
});

async function run(file: string, feeds: Feeds) {
  const session = await InferenceSession.create(file);
  const tensors = Object.entries(feeds).map(([name, { values, dims }]) => [name, new Tensor('float32', values, dims)] as const);
  const outputs = await session.run(Object.fromEntries(tensors));
  await session.release();
  return (name: string): Float32Array => outputs[name]!.data as Float32Array;
}

const sum = (values: Float32Array): number => values.reduce((total, value) => total + value, 0);

/** How the loss of a file changes along a direction of a feed, or of a weight, and what the gradient in the file says of it. */
async function slopes(file: string, loss: string, feeds: Feeds, name: string): Promise<{ measured: number; claimed: number }> {
  const step = 1e-2;
  const gradient = (await run(file, feeds))(`grad.${name}`);
  const direction = wave(gradient.length, 3);
  const moved = async (by: number): Promise<number> => {
    const move = (values: Float32Array): Float32Array => values.map((value, i) => value + by * direction[i]!);
    const feed = feeds[name];
    if (feed) return sum((await run(file, { ...feeds, [name]: { ...feed, values: move(feed.values) } }))(loss));
    const model = await modelOf(file);
    const weight = model.graph.initializers.get(name)!;
    const values = move(Float32Array.from(elements(weight)!, Number));
    const initializers = new Map(model.graph.initializers).set(name, float32Tensor([...weight.dims], [...values]));
    await writeFile(`${file}.moved`, writeModel({ ...model, graph: { ...model.graph, initializers } }));
    return sum((await run(`${file}.moved`, feeds))(loss));
  };
  const measured = ((await moved(step)) - (await moved(-step))) / (2 * step);
  return { measured, claimed: sum(gradient.map((value, i) => value * direction[i]!)) };
}

describe('the command', () => {
  const clip = { part: 'image_encoder_clip', loss: 'image_embeds', feed: 'pixel_values', dims: [2, 3, 32, 32] };
  const vae = { part: 'vae_decoder', loss: 'sample', feed: 'latent_sample', dims: [1, 4, 8, 8] };
  const weight = 'decoder.conv_in.weight';
  const sized = ['--dims', 'height=8', '--dims', 'width=8'];
  test.each([
    { about: 'by an input, for any batch', ...clip, inputs: [clip.feed], options: [], gradients: [['batch', 3, 32, 32]] },
    { about: 'recomputing', ...clip, inputs: [clip.feed], options: ['--recompute'], gradients: [['batch', 3, 32, 32]] },
    { about: 'by an input of given sizes', ...vae, inputs: [vae.feed], options: sized, gradients: [['batch', 4, 8, 8]] },
    {
      about: 'by an input and a weight',
      ...vae,
      inputs: [vae.feed, weight],
      options: sized,
      gradients: [
        ['batch', 4, 8, 8],
        [32, 4, 3, 3],
      ],
    },
  ])(
    'writes a graph whose gradient is the slope of the loss: $about',
    async ({ about, part, loss, feed, dims, inputs, options, gradients }) => {
      const out = path.join(root, about, `${part}.grad.onnx`);
      const asked = inputs.flatMap((name) => ['--input', name]);
      const { code, stdout } = await diptych('grad', ...asked, fixture(part), '--loss', loss, '--out', out, '--json', ...options);
      expect(code).toBe(0);
      const report = JSON.parse(stdout);
      expect(report).toMatchObject({ files: [out], gradients: inputs.map((name, i) => ({ name: `grad.${name}`, dims: gradients[i] })) });
      expect(report.nodes.all).toBeGreaterThan(report.nodes.forward);
      expect(report.plannedPeak.recomputed).toBeGreaterThan(report.plannedPeak.forward);
      expect(report.plannedPeak.kept).toBeGreaterThan(report.plannedPeak.recomputed);
      expect(await readdir(path.dirname(out))).toEqual([path.basename(out)]);
      for (const name of inputs) {
        const { measured, claimed } = await slopes(out, loss, { [feed]: feedOf(dims) }, name);
        expect(Math.abs(claimed - measured), `${name}: ${claimed}, measured ${measured}`).toBeLessThan(1e-2 * Math.abs(measured));
      }
    },
  );

  test('says what it made, and that it is of the sum', async () => {
    const out = path.join(root, 'said.onnx');
    const { stdout } = await diptych(
      'grad',
      fixture('image_encoder_clip'),
      '--input',
      'pixel_values',
      '--loss',
      'image_embeds',
      '--out',
      out,
    );
    expect(stdout).toMatch(
      /^grad\.pixel_values \[batch, 3, 32, 32\]\nof the sum of image_embeds \[batch, \d+\]\n\d+ nodes forward, \d+ in all\nplanned peak .* at batch = 1: .*\nwritten: .*said\.onnx\n$/,
    );
  });

  test('reads weights from the file beside the model', async () => {
    const outside = path.join(root, 'outside', 'model.onnx');
    const out = path.join(root, 'inside.onnx');
    expect(await writeLarge(outside, await modelOf(fixture('image_encoder_clip')), 1000)).toHaveLength(2);
    const { code } = await diptych('grad', outside, '--input', 'pixel_values', '--loss', 'image_embeds', '--out', out);
    expect(code).toBe(0);
    const feeds = { pixel_values: feedOf([1, 3, 32, 32]) };
    const expected = path.join(root, 'expected.onnx');
    await writeLarge(expected, makeGradient(await modelOf(fixture('image_encoder_clip')), REQUEST).model);
    expect((await run(out, feeds))('grad.pixel_values')).toEqual((await run(expected, feeds))('grad.pixel_values'));
  });

  test.each<[about: string, args: string[], code: number, message: RegExp]>([
    ['a file that is not there', [path.join(root, 'none.onnx')], 2, /none\.onnx cannot be read; give an ONNX file/],
    ['a file that is no ONNX', [path.join(SD15, 'golden.json')], 1, /error\[onnx_malformed\].*golden\.json/],
    ['dims that are none', [fixture('image_encoder_clip'), '--dims', 'batch'], 2, /It must be NAME=SIZES/],
    [
      'an output that is not there',
      [fixture('image_encoder_clip'), '--loss', 'logits'],
      1,
      /image_encoder_clip\/model\.onnx: the graph \w+ has no value logits; .* its outputs image_embeds/,
    ],
    ['dims of what is not there', [fixture('image_encoder_clip'), '--dims', 'width=3'], 2, /--dims width=3: .* it has pixel_values, batch/],
  ])('refuses %s, and writes nothing', async (_, args, code, message) => {
    const out = path.join(root, 'refused.onnx');
    const result = await diptych('grad', '--input', 'pixel_values', '--loss', 'image_embeds', ...args, '--out', out);
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
      /\[batch, 3, height, width\] leaves axis 2 open; say it, for example by --dims height=64 --dims width=64/,
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
  const feeds = { pixel_values: feedOf([1, 3, 32, 32]) };
  const [large, small] = [await run(file, feeds), await run(path.join(root, 'small.onnx'), feeds)];
  expect(large('grad.pixel_values')).toEqual(small('grad.pixel_values'));
});

test.each([Infinity, 1000])('what cannot be written leaves nothing behind, with %d bytes of weights inside', async (limit) => {
  const folder = path.join(root, `taken${limit}`);
  await mkdir(path.join(folder, 'taken.onnx'), { recursive: true });
  const attempt = writeLarge(path.join(folder, 'taken.onnx'), await modelOf(fixture('image_encoder_clip')), limit);
  await expect(attempt).rejects.toThrowError(/taken\.onnx cannot be written \(.*\); give another --out/);
  expect(await readdir(folder)).toEqual(['taken.onnx']);
});
