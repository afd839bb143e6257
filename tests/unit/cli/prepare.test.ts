import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { beforeAll, describe, expect, test } from 'vitest';
import { openNodeRuntime } from '../../../client/engine/sessions/node.ts';
import { readGoldenFolder } from '../../../models-manifest/cli/conformance/golden-folder.ts';
import { runConformance } from '../../../models-manifest/cli/conformance/run.ts';
import { prepareModel, type PrepareOptions } from '../../../models-manifest/cli/pipeline/prepare-model.ts';
import { Store } from '../../../models-manifest/cli/store.ts';
import { type GraphEntry, manifestBlobs, ModelEntry, modelGraphs } from '../../../shared/manifest.ts';
import { readModel } from '../../../shared/onnx/read.ts';
import { moveWeightsOut, unfoldTransposes } from './raw-export.ts';
import { refusalOf, refused } from './refusal.ts';
import { tempRoot } from './temp-root.ts';
import { TINY_OPTIONS, tinyPipeline } from './tiny-pipeline.ts';

const root = tempRoot();
const store = (name: string) => new Store(path.join(root, 'stores', name));
const pipeline = (name: string) => tinyPipeline(path.join(root, 'pipelines', name));
const ignore = () => undefined;

const preparing =
  (folder: string, options: Partial<PrepareOptions> = {}) =>
  (store: Store) =>
    prepareModel(folder, store, { ...TINY_OPTIONS, id: 'other', ...options }, ignore);

let whole: string;
let first: ModelEntry;
beforeAll(async () => {
  whole = await pipeline('whole');
  first = await prepareModel(whole, store('first'), TINY_OPTIONS, ignore);
});

const weightBytes = (graph: GraphEntry) => graph.weights.reduce((sum, shard) => sum + shard.bytes, 0);

describe('a prepared pipeline', () => {
  test('is the catalogue’s only model, and says what the pipeline is', async () => {
    expect((await store('first').manifest()).models).toEqual([first]);
    expect(v.parse(ModelEntry, first)).toMatchObject({
      id: 'tiny',
      latent: { channels: 4, height: 16, width: 16, scalingFactor: 0.18215 },
      image: { height: 32, width: 32 },
      scheduler: { prediction_type: 'epsilon', timestep_spacing: 'leading', steps_offset: 1 },
      text: { maxLength: 16, startId: 0, endId: 1, padId: 1 },
      defaults: { steps: 2, guidanceScale: 3 },
    });
    expect(first.layers.denoiser.map((layer) => layer.module)).toContain('mid_block.attentions.0.transformer_blocks.0.attn2.to_k');
  });

  test('has every file that it names, under its SHA-256, and no other', async () => {
    const blobs = path.join(root, 'stores/first/blobs');
    const refs = new Map(manifestBlobs({ version: 1, models: [first], loras: [] }).map((ref) => [ref.sha256, ref.bytes]));
    expect((await readdir(blobs)).toSorted()).toEqual([...refs.keys()].toSorted());
    for (const [sha256, size] of refs) {
      const bytes = await readFile(path.join(blobs, sha256));
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
      expect(bytes.length).toBe(size);
    }
  });

  test('comes out the same again', async () => {
    expect(await prepareModel(whole, store('again'), TINY_OPTIONS, ignore)).toEqual(first);
  });

  test.each([2 ** 19, 2 ** 20, 2 ** 22])('has no shard of more than %i bytes', async (shardBytes) => {
    const model = await prepareModel(whole, store(`shards-${shardBytes}`), { ...TINY_OPTIONS, shardBytes }, ignore);
    const shards = modelGraphs(model).flatMap((graph) => graph.weights);
    for (const { bytes } of shards) expect(bytes).toBeLessThanOrEqual(shardBytes);
    expect(model.graphs.denoiser.weights.length).toBeGreaterThanOrEqual(Math.ceil(weightBytes(first.graphs.denoiser) / shardBytes));
  });

  test('in float16 takes half the bytes and has the same layers', async () => {
    const half = await prepareModel(whole, store('half'), { ...TINY_OPTIONS, weights: 'float16' }, ignore);
    expect(half.layers).toEqual(first.layers);
    for (const name of ['textEncoder', 'denoiser', 'decoder'] as const) {
      const share = weightBytes(half.graphs[name]) / weightBytes(first.graphs[name]);
      expect(share).toBeGreaterThan(0.49);
      expect(share).toBeLessThan(0.52);
    }
  });

  test('takes the size of the latent from the caller before that of the config', async () => {
    const model = await prepareModel(whole, store('size'), { ...TINY_OPTIONS, height: 24, width: 8, guidance: false }, ignore);
    expect(model).toMatchObject({ latent: { height: 24, width: 8 }, image: { height: 48, width: 16 } });
  });

  test('tells its stages in order', async () => {
    const stages: [string, number, number][] = [];
    await prepareModel(whole, store('stages'), TINY_OPTIONS, (...stage) => void stages.push(stage));
    expect(stages.map(([stage]) => stage)).toEqual(['reading', 'text encoder', 'denoiser', 'decoder', 'guidance', 'done']);
    expect(stages.map(([, done, total]) => done / total)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  });
});

test('a pipeline whose preparing is cancelled is not added', async () => {
  const cancelling = new AbortController();
  const onStage = (stage: string) => stage === 'denoiser' && cancelling.abort();
  const cancelled = prepareModel(whole, store('cancelled'), TINY_OPTIONS, onStage, cancelling.signal);
  await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
  expect((await store('cancelled').manifest()).models).toEqual([]);
});

describe('weights in files beside the model', () => {
  test.each(['float32', 'float16'] as const)('give the very files of a model that holds them, in %s', async (weights) => {
    const folder = await pipeline(`external-${weights}`);
    for (const part of ['unet', 'vae_decoder', 'text_encoder']) await moveWeightsOut(folder, part);
    const options = { ...TINY_OPTIONS, weights };
    const external = await prepareModel(folder, store(`external-${weights}`), options, ignore);
    expect(external).toEqual(await prepareModel(whole, store(`inline-${weights}`), options, ignore));
  });

  test('of an export without constant folding are folded, and the numbers stay', async () => {
    const folder = await pipeline('unfolded');
    expect(await unfoldTransposes(folder, 'unet')).toBe(40);
    await moveWeightsOut(folder, 'unet');
    const model = await prepareModel(folder, store('unfolded'), TINY_OPTIONS, ignore);
    expect(model.layers).toEqual(first.layers);
    expect(weightBytes(model.graphs.denoiser)).toBe(weightBytes(first.graphs.denoiser));
    const { sha256 } = model.graphs.denoiser.topology;
    const { nodes } = readModel(await readFile(store('unfolded').blobPath(sha256)), sha256).graph;
    expect(nodes.filter((node) => node.name.startsWith('unfolded'))).toEqual([]);

    const runtime = await openNodeRuntime('cpu');
    for await (const outcome of runConformance(await readGoldenFolder(folder), runtime, ['eps.base', 'eps.kl', 'trajectory.kl.final']))
      expect(outcome).toMatchObject({ status: 'pass' });
    await runtime.close();
  });

  test('that are missing are named', async () => {
    const folder = await pipeline('external-missing');
    await moveWeightsOut(folder, 'unet');
    await rm(path.join(folder, 'unet/weights.bin'));
    expect(await refusalOf(preparing(folder), store('first'))).toEqual(refused('pipeline_incomplete', /unet\/weights\.bin is missing/));
  });

  test('that are cut short are named, with the tensor', async () => {
    const folder = await pipeline('external-short');
    await moveWeightsOut(folder, 'unet');
    const file = path.join(folder, 'unet/weights.bin');
    await writeFile(file, (await readFile(file)).subarray(0, -1));
    expect(await refusalOf(preparing(folder), store('first'))).toEqual(
      refused('onnx_malformed', /weights\.bin has \d+ of the \d+ bytes of tensor .+cut short/),
    );
  });

  test('outside the model’s folder are not read', async () => {
    const folder = await pipeline('external-outside');
    await moveWeightsOut(folder, 'unet', '../weights.bin');
    expect(await refusalOf(preparing(folder), store('first'))).toEqual(
      refused('onnx_malformed', /unet\/model\.onnx: .*"\.\.\/weights\.bin", which must be a relative path/),
    );
  });
});
