import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { prepareModel, type PrepareOptions } from '../../../models-manifest/cli/pipeline/prepare-model.ts';
import { Store } from '../../../models-manifest/cli/store.ts';
import { type Graph, type GraphValue, makeNode, type Model, type Node } from '../../../shared/onnx/ir.ts';
import { editJson, editModel } from './edit-file.ts';
import { copyOf } from './fixture-folder.ts';
import { quantisedExport } from './quantised-export.ts';
import { refusalOf, refused } from './refusal.ts';
import { tempRoot } from './temp-root.ts';
import { TINY_OPTIONS, tinyPipeline } from './tiny-pipeline.ts';

const root = tempRoot();
const store = new Store(path.join(root, 'store'));
const pipeline = (name: string) => tinyPipeline(path.join(root, name));
const ignore = () => undefined;

const preparing =
  (folder: string, options: Partial<PrepareOptions> = {}) =>
  (store: Store) =>
    prepareModel(folder, store, { ...TINY_OPTIONS, id: 'other', ...options }, ignore);

let whole: string;
beforeAll(async () => {
  whole = await pipeline('whole');
  await prepareModel(whole, store, TINY_OPTIONS, ignore);
});

const withGraph =
  (edit: (graph: Graph) => Partial<Graph>) =>
  (model: Model): Model => ({
    ...model,
    graph: { ...model.graph, ...edit(model.graph) },
  });

const renamed = (isLost: (node: Node) => boolean, name: (node: Node, index: number) => string) =>
  withGraph(({ nodes }) => ({ nodes: nodes.map((node, index) => (isLost(node) ? { ...node, name: name(node, index) } : node)) }));

const isMatMul = (node: Node) => node.opType === 'MatMul' || node.opType === 'Gemm';

/** Every attention's softmax as an operator with a counted name, which onnxruntime's optimiser leaves. */
const fusedAttention = withGraph(({ nodes }) => ({
  nodes: nodes.map((node, index) =>
    node.opType === 'Softmax'
      ? { ...makeNode('Attention', `Attention_${index}`, node.inputs, node.outputs), domain: 'com.microsoft' }
      : node,
  ),
}));

/** Every Linear as one operator with the scaling that was beside it, its path kept. */
const fusedLinears = withGraph(({ nodes }) => ({
  nodes: nodes.map((node) =>
    isMatMul(node) ? { ...makeNode('FusedMatMul', node.name, node.inputs, node.outputs), domain: 'com.microsoft' } : node,
  ),
}));

const BLOCKS = { blockSize: 32, zeroPoints: false, biasInput: false } as const;

const withInputs = (...names: string[]) =>
  withGraph(({ inputs }) => {
    const extra = (name: string): GraphValue => ({ name, type: { dataType: 'float32', dims: ['batch', 6] } });
    return { inputs: [...inputs, ...names.map(extra)] };
  });

type Config = Record<string, unknown>;
const without = (file: string, field: string) => (folder: string) =>
  editJson<Config>(path.join(folder, file), (value) => delete value[field]);
const having = (file: string, fields: Config) => (folder: string) =>
  editJson<Config>(path.join(folder, file), (value) => Object.assign(value, fields));
const lacking = (name: string) => (folder: string) => rm(path.join(folder, name), { recursive: true });
const unet = (edit: (model: Model) => Model) => (folder: string) =>
  editModel(folder, 'unet', (model) => {
    model.opsets.set('com.microsoft', 1);
    return edit(model);
  });

const START = '<|startoftext|>';

describe('a pipeline folder is refused, and nothing is added,', () => {
  test.each<[about: string, change: (folder: string) => Promise<unknown>, code: string, message: RegExp]>([
    ['without a UNet', lacking('unet'), 'pipeline_incomplete', /has no unet\/model\.onnx/],
    ['without a text encoder', lacking('text_encoder'), 'pipeline_incomplete', /has no text_encoder\/model\.onnx/],
    ['without a decoder', lacking('vae_decoder'), 'pipeline_incomplete', /has no vae_decoder\/model\.onnx/],
    ['without a scheduler', lacking('scheduler'), 'pipeline_incomplete', /has no scheduler\/scheduler_config\.json; it says how to sample/],
    ['without a decoder config', lacking('vae_decoder/config.json'), 'pipeline_incomplete', /has no vae_decoder\/config\.json/],
    [
      'without scaling_factor',
      without('vae_decoder/config.json', 'scaling_factor'),
      'pipeline_incomplete',
      /vae_decoder\/config\.json: scaling_factor: /,
    ],
    [
      'without sample_size',
      without('unet/config.json', 'sample_size'),
      'pipeline_incomplete',
      /unet\/config\.json has no sample_size.*--height and --width/,
    ],
    [
      'with half a latent pixel',
      having('unet/config.json', { sample_size: 16.5 }),
      'pipeline_incomplete',
      /unet\/config\.json: sample_size: /,
    ],
    [
      'with an unknown prediction type',
      having('scheduler/scheduler_config.json', { prediction_type: 'score' }),
      'pipeline_incomplete',
      /scheduler_config\.json: prediction_type: /,
    ],
    [
      'with JSON cut short',
      (folder) => writeFile(path.join(folder, 'scheduler/scheduler_config.json'), '{'),
      'pipeline_incomplete',
      /scheduler_config\.json is not JSON/,
    ],
    ['without a tokenizer', lacking('tokenizer'), 'pipeline_incomplete', /has no tokenizer\/tokenizer_config\.json/],
    ['without a vocabulary', lacking('tokenizer/tokenizer.json'), 'pipeline_incomplete', /has no tokenizer\/vocab\.json/],
    [
      'whose tokenizer names no start token',
      without('tokenizer/tokenizer_config.json', 'bos_token'),
      'pipeline_incomplete',
      /tokenizer_config\.json: bos_token: /,
    ],
    [
      'whose vocabulary lacks the start token',
      (folder) =>
        editJson<{ model: { vocab: Config } }>(path.join(folder, 'tokenizer/tokenizer.json'), ({ model }) => delete model.vocab[START]),
      'pipeline_incomplete',
      /tokenizer: the vocabulary lacks the token <\|startoftext\|>/,
    ],
    [
      'with a file that is no ONNX',
      (folder) => writeFile(path.join(folder, 'unet/model.onnx'), 'version https://git-lfs'),
      'onnx_malformed',
      /unet\/model\.onnx/,
    ],
    [
      'whose nodes have no names',
      unet(
        renamed(
          () => true,
          () => '',
        ),
      ),
      'graph_unsupported',
      /unet\/model\.onnx has .*module path.*without optimisation/,
    ],
    [
      'whose nodes have counted names',
      unet(
        renamed(
          () => true,
          ({ opType }, index) => `${opType}_${index}`,
        ),
      ),
      'graph_unsupported',
      /unet\/model\.onnx has .*\((MatMul|Gemm)_\d+/,
    ],
    // The convolutions alone would look like a model whose LoRAs fit it nowhere.
    [
      'whose Linear nodes have no names',
      unet(renamed(isMatMul, () => '')),
      'graph_unsupported',
      /unet\/model\.onnx has \d+ Linear layers without module paths \(the (MatMul|Gemm) that makes /,
    ],
    [
      'whose attention is fused',
      unet(fusedAttention),
      'graph_unsupported',
      /unet\/model\.onnx has 8 fused attention nodes without module paths \(Attention_\d+, Attention_\d+/,
    ],
    [
      'whose Linears are fused with what was beside them',
      unet(fusedLinears),
      'graph_unsupported',
      /unet\/model\.onnx has \d+ Linear layers fused with other operators \(\/.*Export the UNet again without optimisation/,
    ],
    [
      'whose 4-bit Linears lost their paths',
      unet((model) =>
        renamed(
          (node) => node.opType === 'MatMulNBits',
          (_, index) => `MatMul_${index}_Q4`,
        )(quantisedExport(model, BLOCKS)),
      ),
      'graph_unsupported',
      /unet\/model\.onnx has \d+ Linear layers without module paths \(MatMul_\d+_Q4/,
    ],
    [
      'of SDXL without its second text encoder',
      unet(withInputs('text_embeds', 'time_ids')),
      'pipeline_incomplete',
      /has no text_encoder_2\/model\.onnx/,
    ],
    [
      'of no known family',
      unet(withInputs('image_embeds')),
      'graph_unsupported',
      /unet\/model\.onnx has the inputs .*image_embeds; the families that can be prepared are SD 1\.x and 2\.x \(sample, .*; SDXL \(/,
    ],
    [
      'whose text encoder is another model’s',
      unet(
        withGraph(({ inputs }) => ({
          inputs: inputs.map((input) =>
            input.name === 'encoder_hidden_states' ? { ...input, type: { dataType: 'float32', dims: ['batch', 'tokens', 768] } } : input,
          ),
        })),
      ),
      'graph_unsupported',
      /input encoder_hidden_states as \[batch, tokens, 768\], which \[2, 16, 32\] does not fit/,
    ],
    [
      'whose decoder makes no pictures',
      (folder) =>
        editModel(
          folder,
          'vae_decoder',
          withGraph(({ nodes }) => ({
            outputs: [{ name: nodes.find((node) => node.opType === 'Conv')!.outputs[0]!, type: { dataType: 'float32' } }],
          })),
        ),
      'graph_unsupported',
      /vae_decoder\/model\.onnx must make pictures \[1, 3, height, width\]/,
    ],
  ])('%s', async (about, change, code, message) => {
    const folder = await pipeline(about.replaceAll(/\W/g, '-'));
    await change(folder);
    expect(await refusalOf(preparing(folder), store)).toEqual(refused(code, message));
  });

  test.each([
    [{ id: 'My model' }, /^id "My model": must be lower-case.*--id$/],
    [{ license: '' }, /^license "": .*--license$/],
  ])('given %j', async (options, message) => {
    expect(await refusalOf(preparing(whole, options), store)).toEqual(refused('usage', message));
  });
});

test('4-bit Linears with paths are layers like others', async () => {
  const folder = await copyOf(whole, path.join(root, 'four-bits'));
  await unet((model) => quantisedExport(model, BLOCKS))(folder);
  const modules = async (id: string, from: string) =>
    (await prepareModel(from, new Store(path.join(root, `store-${id}`)), { ...TINY_OPTIONS, id }, ignore)).layers.denoiser.map(
      ({ module }) => module,
    );
  expect((await modules('four-bits', folder)).toSorted()).toEqual((await modules('floats', whole)).toSorted());
});
