import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { prepareModel, type PrepareOptions } from '../../../models-manifest/cli/pipeline/prepare-model.ts';
import { Store } from '../../../models-manifest/cli/store.ts';
import { manifestBlobs, type ModelEntry } from '../../../shared/manifest.ts';
import { ints, makeNode, type Model } from '../../../shared/onnx/ir.ts';
import { readModel } from '../../../shared/onnx/read.ts';
import { editModel } from './edit-file.ts';
import { copyOf } from './fixture-folder.ts';
import { refusalOf, refused } from './refusal.ts';
import { tempRoot } from './temp-root.ts';
import { TINY_OPTIONS, tinyPipeline } from './tiny-pipeline.ts';

const root = tempRoot();
const store = new Store(path.join(root, 'store'));
let whole: string;
let entry: ModelEntry;

const prepare = (folder: string, options: Partial<PrepareOptions> = {}): Promise<ModelEntry> =>
  prepareModel(folder, store, { ...TINY_OPTIONS, ...options }, () => undefined);

const variant = (about: string): Promise<string> => copyOf(whole, path.join(root, about.replaceAll(/\W+/g, '-')));
const writeJson = (folder: string, name: string, value: object) => writeFile(path.join(folder, name), JSON.stringify(value));
const modelOf = async (sha256: string): Promise<Model> => readModel(await readFile(store.blobPath(sha256)), sha256);

beforeAll(async () => {
  whole = await tinyPipeline(path.join(root, 'whole'));
  entry = await prepare(whole);
});

describe('a pipeline with image encoders', () => {
  test('has both of them and the tiny decoder, with fixed dims and one output', async () => {
    const { tinyDecoder, encoders } = entry.guidance!;
    const [dino, clip] = [encoders.dino!, encoders.clip!];
    expect(dino.preprocessing).toMatchObject({ mean: [0.485, 0.456, 0.406] });
    expect(clip.preprocessing).toMatchObject({ mean: [0.48145466, 0.4578275, 0.40821073] });
    for (const { graph, preprocessing } of [dino, clip]) {
      const { inputs, outputs } = (await modelOf(graph.topology.sha256)).graph;
      expect(inputs.map(({ type }) => type.dims)).toEqual([[1, 3, preprocessing.height, preprocessing.width]]);
      expect(outputs.map(({ type }) => type.dims?.length)).toEqual([2]);
    }
    const tiny = (await modelOf(tinyDecoder!.topology.sha256)).graph;
    expect(tiny.inputs[0]!.type.dims).toEqual([1, entry.latent.channels, entry.latent.height, entry.latent.width]);
    expect((await modelOf(clip.graph.topology.sha256)).graph.valueInfo.has(clip.gramLayer!)).toBe(true);
  });

  test('leads to their files, so that they are published', () => {
    const all = new Set(manifestBlobs({ version: 1, models: [entry], loras: [] }).map(({ sha256 }) => sha256));
    for (const graph of [entry.guidance!.tinyDecoder!, entry.guidance!.encoders.clip!.graph])
      for (const { sha256 } of [graph.topology, ...graph.weights]) expect(all).toContain(sha256);
  });

  test('has none of it by --no-guidance, or without image encoders', async () => {
    expect(await prepare(whole, { id: 'without', guidance: false })).not.toHaveProperty('guidance');
    const bare = await variant('bare');
    for (const name of ['dino', 'clip']) await rm(path.join(bare, `image_encoder_${name}`), { recursive: true });
    expect(await prepare(bare, { id: 'bare' })).not.toHaveProperty('guidance');
  });

  test('takes the public names of folders, with one encoder and without a tiny decoder', async () => {
    const folder = await variant('public');
    await cp(path.join(folder, 'image_encoder_clip'), path.join(folder, 'image_encoder'), { recursive: true });
    for (const name of ['image_encoder_clip', 'image_encoder_dino', 'tiny_decoder']) await rm(path.join(folder, name), { recursive: true });
    const { guidance } = await prepare(folder, { id: 'public' });
    expect(guidance).toEqual({ encoders: { clip: entry.guidance!.encoders.clip } });
  });
});

describe('preprocessor_config.json', () => {
  const sized = { height: 32, width: 32 };
  test.each<[about: string, config: object, expected: object]>([
    ['size as a number', { size: 32 }, sized],
    ['the shortest edge', { size: { shortest_edge: 32 } }, sized],
    ['height and width', { size: { height: 32, width: 32 } }, sized],
    ['a crop', { size: { shortest_edge: 40 }, crop_size: 32, do_center_crop: true }, sized],
    ['no crop', { size: 32, crop_size: 16, do_center_crop: false }, sized],
    [
      'mean and deviation',
      { image_mean: [0.5, 0.5, 0.5], image_std: [0.25, 0.25, 0.25] },
      { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    ],
    ['no normalising', { do_normalize: false, image_mean: [0.5, 0.5, 0.5] }, { mean: [0, 0, 0], std: [1, 1, 1] }],
    [
      'values up to 255',
      { do_rescale: false, image_mean: [102, 102, 102], image_std: [51, 51, 51] },
      { mean: [0.4, 0.4, 0.4], std: [0.2, 0.2, 0.2] },
    ],
    [
      'values up to 2',
      { rescale_factor: 2 / 255, image_mean: [1, 1, 1], image_std: [0.5, 0.5, 0.5] },
      { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    ],
  ])('says %s', async (about, config, expected) => {
    const folder = await variant(`config ${about}`);
    await writeJson(folder, 'image_encoder_dino/preprocessor_config.json', config);
    const { preprocessing } = (await prepare(folder, { id: 'config' })).guidance!.encoders.dino!;
    expect(preprocessing).toMatchObject(expected);
  });
});

describe('networks in other forms', () => {
  test('a class token is taken of a last hidden state', async () => {
    const folder = await variant('tokens');
    await editModel(folder, 'image_encoder_dino', (model): Model => {
      const [output] = model.graph.outputs;
      const nodes = [...model.graph.nodes, makeNode('Unsqueeze', '/tokens', [output!.name, 'axis'], ['last_hidden_state'])];
      const axis = {
        dataType: 'int64' as const,
        dims: [1],
        data: { kind: 'inline' as const, bytes: new Uint8Array(BigInt64Array.of(1n).buffer) },
      };
      const dims = [1, 1, output!.type.dims!.at(-1)!];
      return {
        ...model,
        graph: {
          ...model.graph,
          nodes,
          initializers: new Map(model.graph.initializers).set('axis', axis),
          outputs: [{ name: 'last_hidden_state', type: { dataType: 'float32', dims } }],
        },
      };
    });
    const { graph } = (await prepare(folder, { id: 'tokens' })).guidance!.encoders.dino!;
    const [output] = (await modelOf(graph.topology.sha256)).graph.outputs;
    const [flat] = (await modelOf(entry.guidance!.encoders.dino!.graph.topology.sha256)).graph.outputs;
    expect(output!.type.dims).toEqual(flat!.type.dims);
  });

  test('the pictures of an AutoencoderTiny are brought to [0, 1]', async () => {
    const folder = await variant('signed');
    await writeJson(folder, 'tiny_decoder/config.json', { _class_name: 'AutoencoderTiny' });
    const { tinyDecoder } = (await prepare(folder, { id: 'signed' })).guidance!;
    const { nodes } = (await modelOf(tinyDecoder!.topology.sha256)).graph;
    expect(nodes.slice(-2).map(({ opType }) => opType)).toEqual(['Mul', 'Add']);
  });
});

test('a tiny decoder that was exported for another size is told, with the way out', async () => {
  const attempt = () => prepare(whole, { id: 'other', height: 24, width: 8 });
  expect(await refusalOf(attempt, store)).toEqual(
    refused('graph_unsupported', /tiny_decoder\/model\.onnx cannot be used: .*\[1, 4, 24, 8\].*--no-guidance/),
  );
});

describe('is refused, and nothing is added,', () => {
  const replaced = (part: string, from: string, to: string) => (folder: string) =>
    editModel(folder, part, (model): Model => {
      const at = model.graph.nodes.findIndex(({ opType }) => opType === from);
      const nodes = model.graph.nodes.map((node, index) => (index === at ? { ...node, opType: to, attributes: new Map() } : node));
      return { ...model, graph: { ...model.graph, nodes } };
    });

  test.each<[about: string, change: (folder: string) => Promise<void>, code: string, message: RegExp]>([
    [
      'a config with two means',
      (folder) => writeJson(folder, 'image_encoder_clip/preprocessor_config.json', { image_mean: [0.5, 0.5] }),
      'pipeline_incomplete',
      /image_encoder_clip\/preprocessor_config\.json: image_mean: /,
    ],
    [
      'a size that is none',
      (folder) => writeJson(folder, 'image_encoder_clip/preprocessor_config.json', { size: { longest_edge: 32 } }),
      'pipeline_incomplete',
      /image_encoder_clip\/preprocessor_config\.json: size/,
    ],
    [
      'a tiny decoder of another size',
      async (folder) => {
        await rm(path.join(folder, 'tiny_decoder/model.onnx'));
        await cp(path.join(folder, 'vae_decoder/model.onnx'), path.join(folder, 'tiny_decoder/model.onnx'));
        await editModel(folder, 'tiny_decoder', (model): Model => {
          const [output] = model.graph.outputs;
          const nodes = [
            ...model.graph.nodes,
            makeNode('AveragePool', '/pool', [output!.name], ['small'], { kernel_shape: ints(2, 2), strides: ints(2, 2) }),
          ];
          return { ...model, graph: { ...model.graph, nodes, outputs: [{ name: 'small', type: { dataType: 'float32' } }] } };
        });
      },
      'graph_unsupported',
      /tiny_decoder\/model\.onnx makes \[1, 3, \d+, \d+\] of a latent, where vae_decoder makes .*--no-guidance/,
    ],
    [
      'an operator without a gradient',
      replaced('image_encoder_dino', 'Softmax', 'Hardmax'),
      'graph_unsupported',
      /image_encoder_dino\/model\.onnx with vae_decoder .*Hardmax.*--no-guidance prepares the model without/,
    ],
  ])('with %s', async (about, change, code, message) => {
    const folder = await variant(about);
    await change(folder);
    expect(await refusalOf(() => prepare(folder, { id: 'other' }), store)).toEqual(refused(code, message));
  });
});
