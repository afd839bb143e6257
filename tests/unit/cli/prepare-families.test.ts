import { rm } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { addLora } from '../../../models-manifest/cli/lora/add-lora.ts';
import { makePicture, type Picture, type PictureOptions } from '../../../models-manifest/cli/generate/make-picture.ts';
import { prepareModel, type PrepareOptions } from '../../../models-manifest/cli/pipeline/prepare-model.ts';
import { Store } from '../../../models-manifest/cli/store.ts';
import type { LoraKind, ModelEntry } from '../../../shared/manifest.ts';
import { makeNode, type Model } from '../../../shared/onnx/ir.ts';
import { editJson, editModel } from './edit-file.ts';
import { copyOf, SD3, SDXL } from './fixture-folder.ts';
import { refusalOf, refused } from './refusal.ts';
import { sd3Pipeline, withThirdEncoder } from './sd3-pipeline.ts';
import { tempRoot } from './temp-root.ts';
import { tinyPipeline } from './tiny-pipeline.ts';

const root = tempRoot();
const store = new Store(path.join(root, 'store'));
const ABOUT = { license: 'CC0-1.0', author: 'Diptych', weights: 'float32', shardBytes: 2 ** 20 } as const;

const prepare = (id: string, folder: string, options: Partial<PrepareOptions> = {}): Promise<ModelEntry> =>
  prepareModel(folder, store, { ...ABOUT, id, name: id, ...options }, () => undefined);

const addTo = async (model: string, kind: LoraKind, file: string) =>
  addLora(file, store, { model, kind, id: `${model}-${kind}`, trigger: kind, license: 'CC0-1.0', author: 'Diptych' });

/** A small picture of `model`, without LoRAs unless `options` name them. */
function plainPictureOf(model: string, options: Partial<PictureOptions> = {}): Promise<Picture> {
  const run = { prompt: 'a pip knit', seed: 3, steps: 2, strengths: [1, 1], rule: 'kl', backend: 'cpu' } as const;
  return makePicture(store, { model, ...run, ...options }, () => undefined, new AbortController().signal);
}

/** The same with both LoRAs of `model`. */
const pictureOf = (model: string, options: Partial<PictureOptions> = {}): Promise<Picture> =>
  plainPictureOf(model, { subject: `${model}-subject`, style: `${model}-style`, ...options });

const differs = (one: Picture, other: Picture) => one.image.data.some((value, i) => value !== other.image.data[i]);

describe('SDXL', () => {
  let model: ModelEntry;
  let first: Picture;
  beforeAll(async () => {
    model = await prepare('sdxl', SDXL);
    await addTo('sdxl', 'subject', path.join(SDXL, 'lora/subject.kohya.safetensors'));
    await addTo('sdxl', 'style', path.join(SDXL, 'lora/style.peft.safetensors'));
    first = await pictureOf('sdxl');
  });

  test('lays the penultimate states of both text encoders side by side, and tells the picture’s size', () => {
    expect(model.conditioning).toEqual({
      inputs: [
        {
          input: 'encoder_hidden_states',
          blocks: [
            { encoder: 'textEncoder', output: 'hidden_states.2', at: [0, 0] },
            { encoder: 'textEncoder2', output: 'hidden_states.1', at: [0, 16] },
          ],
        },
        { input: 'text_embeds', blocks: [{ encoder: 'textEncoder2', output: 'text_embeds', at: [0] }] },
        { input: 'time_ids', values: [16, 16, 0, 0, 16, 16] },
      ],
      zeroWithoutNegative: true,
    });
    expect(model).toMatchObject({ text: { padId: 55 }, text2: { padId: 0 }, defaults: { steps: 20, guidanceScale: 5 } });
  });

  test('lists the layers of both, the last of the first included, which LoRA files have although nothing reads it', () => {
    const modules = (encoder: 'textEncoder' | 'textEncoder2') => model.layers[encoder]!.map((layer) => layer.module);
    expect(modules('textEncoder')).toContain('text_model.encoder.layers.2.mlp.fc2');
    expect(modules('textEncoder2')).toContain('text_model.encoder.layers.1.mlp.fc2');
  });

  test('makes one picture of one seed, of the size that it says', async () => {
    expect([first.image.width, first.image.height]).toEqual([16, 16]);
    expect(new Set(first.image.data).size).toBeGreaterThan(20);
    expect((await pictureOf('sdxl')).image).toEqual(first.image);
    expect(differs(first, await pictureOf('sdxl', { seed: 4 }))).toBe(true);
  });

  test('tells an absent negative prompt, which is zeros, from an empty one', async () => {
    expect(differs(first, await pictureOf('sdxl', { negativePrompt: '' }))).toBe(true);
    const absent = await pictureOf('sdxl', { guidanceScale: 1 });
    for (const options of [{ guidanceScale: 1, negativePrompt: '' }, { guidanceScale: 0 }])
      expect(differs(absent, await pictureOf('sdxl', options))).toBe(false);
  });

  test('of a default guidance scale of 1 has one row, makes the same picture with it, and refuses guidance', async () => {
    expect(model.batch).toBe(2);
    expect((await prepare('sdxl-turbo-rows', SDXL, { guidanceScale: 1 })).batch).toBe(1);
    await addTo('sdxl-turbo-rows', 'subject', path.join(SDXL, 'lora/subject.kohya.safetensors'));
    await addTo('sdxl-turbo-rows', 'style', path.join(SDXL, 'lora/style.peft.safetensors'));
    const [two, one] = [await pictureOf('sdxl', { guidanceScale: 1 }), await pictureOf('sdxl-turbo-rows')];
    expect(one.fusionMap.choice).toEqual(two.fusionMap.choice);
    expect(Math.max(...one.image.data.map((value, i) => Math.abs(value - two.image.data[i]!)))).toBeLessThanOrEqual(1);
    await expect(pictureOf('sdxl-turbo-rows', { guidanceScale: 3 })).rejects.toMatchObject({
      code: 'request_invalid',
      message: expect.stringMatching(/takes no classifier-free guidance: set guidanceScale to 1/),
    });
  });
});

describe('SD3', () => {
  let folder: string;
  let model: ModelEntry;
  beforeAll(async () => {
    folder = await sd3Pipeline(path.join(root, 'sd3'));
    model = await prepare('sd3', folder);
    await addTo('sd3', 'subject', path.join(SD3, 'lora/subject.peft.safetensors'));
    await addTo('sd3', 'style', path.join(SD3, 'lora/style.peft.safetensors'));
  });

  test('lays two CLIPs side by side, and leaves the tokens of T5 and the channels beyond zero', () => {
    expect(model.conditioning).toEqual({
      inputs: [
        {
          input: 'encoder_hidden_states',
          blocks: [
            { encoder: 'textEncoder', output: 'hidden_states.1', at: [0, 0] },
            { encoder: 'textEncoder2', output: 'hidden_states.1', at: [0, 8] },
          ],
        },
        {
          input: 'pooled_projections',
          blocks: [
            { encoder: 'textEncoder', output: 'text_embeds', at: [0] },
            { encoder: 'textEncoder2', output: 'text_embeds', at: [10] },
          ],
        },
      ],
      zeroWithoutNegative: false,
    });
    expect(model.latent).toEqual({ channels: 4, height: 16, width: 16, scalingFactor: 1.5305, shiftFactor: 0.0609 });
    expect(model.defaults).toEqual({ steps: 28, guidanceScale: 7 });
  });

  test('makes one picture of one seed, another of another', async () => {
    const picture = await pictureOf('sd3');
    expect([picture.image.width, picture.image.height]).toEqual([32, 32]);
    expect((await pictureOf('sd3')).image).toEqual(picture.image);
    expect(differs(picture, await pictureOf('sd3', { seed: 4 }))).toBe(true);
  });

  test('shifts what it decodes', async () => {
    const shifted = await pictureOf('sd3');
    await editJson<Record<string, unknown>>(path.join(folder, 'vae_decoder/config.json'), (config) => delete config['shift_factor']);
    expect((await prepare('sd3', folder)).latent).not.toHaveProperty('shiftFactor');
    expect(differs(shifted, await pictureOf('sd3'))).toBe(true);
    await editJson<Record<string, unknown>>(path.join(folder, 'vae_decoder/config.json'), (config) => (config['shift_factor'] = 0.0609));
    await prepare('sd3', folder);
  });

  test('with a third text encoder, its tokens follow those of the CLIPs', async () => {
    const whole = await prepare('sd3-t5', await withThirdEncoder(await sd3Pipeline(path.join(root, 'sd3-t5'))));
    expect(whole.conditioning!.inputs[0]).toMatchObject({
      blocks: [{ at: [0, 0] }, { at: [0, 8] }, { encoder: 'textEncoder3', output: 'last_hidden_state', at: [16, 0] }],
    });
    expect(whole.text3).toEqual({ maxLength: 16, endId: 1, padId: 0, tokenizer: expect.anything() });
    await addTo('sd3-t5', 'subject', path.join(SD3, 'lora/subject.peft.safetensors'));
    await addTo('sd3-t5', 'style', path.join(SD3, 'lora/style.peft.safetensors'));
    expect(differs(await pictureOf('sd3'), await pictureOf('sd3-t5'))).toBe(true);
  });
});

describe('defaults of distilled models', () => {
  const scheduled = async (name: string, config: object) => {
    const folder = await tinyPipeline(path.join(root, name));
    await editJson<object>(path.join(folder, 'scheduler/scheduler_config.json'), (value) => Object.assign(value, config));
    return folder;
  };
  const TURBO = { _class_name: 'EulerDiscreteScheduler', timestep_spacing: 'trailing' };
  const PLAIN = { steps: 20, guidanceScale: 7.5 };

  test.each([
    ['turbo', TURBO, { steps: 1, guidanceScale: 1 }],
    ['sdxl-turbo', { ...TURBO, _class_name: 'EulerAncestralDiscreteScheduler' }, { steps: 1, guidanceScale: 1 }],
    ['lcm', { _class_name: 'LCMScheduler' }, { steps: 4, guidanceScale: 1 }],
    ['trailing-v', { ...TURBO, prediction_type: 'v_prediction' }, PLAIN],
    ['zero-snr', { ...TURBO, rescale_betas_zero_snr: true }, PLAIN],
    ['euler', { ...TURBO, timestep_spacing: 'leading' }, PLAIN],
    ['ddim', {}, PLAIN],
  ])('%s', async (name, config, defaults) => {
    expect((await prepare(name, await scheduled(name, config))).defaults).toEqual(defaults);
  });

  test('give way to the caller’s', async () => {
    const folder = await scheduled('given', TURBO);
    expect((await prepare('given', folder, { steps: 4, guidanceScale: 0 })).defaults).toEqual({ steps: 4, guidanceScale: 0 });
  });
});

/** Without the outputs that `lost` says. */
const withoutOutputs =
  (part: string, lost: (name: string) => boolean) =>
  (folder: string): Promise<void> =>
    editModel(folder, part, (model) => ({
      ...model,
      graph: { ...model.graph, outputs: model.graph.outputs.filter(({ name }) => !lost(name)) },
    }));

const withInput =
  (part: string, name: string) =>
  (folder: string): Promise<void> =>
    editModel(folder, part, (model) => ({
      ...model,
      graph: { ...model.graph, inputs: [...model.graph.inputs, { name, type: { dataType: 'int64', dims: ['batch', 16] } }] },
    }));

test('a mask among a text encoder’s inputs is all ones', async () => {
  const folder = await copyOf(SDXL, path.join(root, 'masked'));
  await withInput('text_encoder', 'attention_mask')(folder);
  // With 1 the ids stay, with anything else they would not.
  await editModel(folder, 'text_encoder', (model): Model => {
    const nodes = model.graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map((name) => (name === 'input_ids' ? 'ids' : name)) }));
    return { ...model, graph: { ...model.graph, nodes: [makeNode('Mul', '/mask', ['input_ids', 'attention_mask'], ['ids']), ...nodes] } };
  });
  await prepare('masked', folder);
  expect((await plainPictureOf('masked')).image).toEqual((await plainPictureOf('sdxl')).image);
});

describe('a pipeline folder is refused, and nothing is added,', () => {
  const lacking = (name: string) => (folder: string) => rm(path.join(folder, name), { recursive: true });
  const hidden = (name: string) => name.startsWith('hidden_states');

  test.each<[about: string, change: (folder: string) => Promise<void>, code: string, message: RegExp]>([
    ['without the second text encoder', lacking('text_encoder_2'), 'pipeline_incomplete', /has no text_encoder_2\/model\.onnx/],
    ['without its tokenizer', lacking('tokenizer_2'), 'pipeline_incomplete', /has no tokenizer_2\/tokenizer_config\.json/],
    [
      'without a pooled projection',
      withoutOutputs('text_encoder_2', (name) => name === 'text_embeds'),
      'graph_unsupported',
      /text_encoder_2\/model\.onnx has no output text_embeds.*it has last_hidden_state, hidden_states\.0.*with projection/,
    ],
    [
      'without hidden states',
      withoutOutputs('text_encoder', hidden),
      'graph_unsupported',
      /text_encoder\/model\.onnx has no output of the layer before the last.*it has last_hidden_state, pooler_output\. .*output_hidden_states/,
    ],
    [
      'with hidden states that do not tell which is the last but one',
      async (folder) => {
        await lacking('text_encoder/config.json')(folder);
        await withoutOutputs('text_encoder', (name) => name === 'hidden_states.0')(folder);
      },
      'graph_unsupported',
      /text_encoder\/model\.onnx has no output of the layer before the last/,
    ],
    [
      'with a text encoder that reads more than ids',
      withInput('text_encoder', 'token_type_ids'),
      'graph_unsupported',
      /text_encoder\/model\.onnx has the inputs input_ids, token_type_ids; a text encoder reads input_ids/,
    ],
    [
      'of the refiner, which reads five time ids',
      (folder) =>
        editModel(folder, 'unet', (model) => ({
          ...model,
          graph: {
            ...model.graph,
            inputs: model.graph.inputs.map((input) =>
              input.name === 'time_ids' ? { ...input, type: { dataType: 'float32', dims: ['batch', 5] } } : input,
            ),
          },
        })),
      'graph_unsupported',
      /input time_ids as \[batch, 5\], which \[2, 6\] does not fit/,
    ],
  ])('of SDXL %s', async (about, change, code, message) => {
    const folder = await copyOf(SDXL, path.join(root, about.replaceAll(/\W/g, '-')));
    await change(folder);
    expect(await refusalOf(() => prepare('other', folder), store)).toEqual(refused(code, message));
  });

  test.each<[about: string, change: (folder: string) => Promise<void>, code: string, message: RegExp]>([
    [
      'whose text is wider than the transformer reads',
      (folder) =>
        editModel(folder, 'transformer', (model) => ({
          ...model,
          graph: {
            ...model.graph,
            inputs: model.graph.inputs.map((input) =>
              input.name === 'encoder_hidden_states' ? { ...input, type: { ...input.type, dims: ['batch', 'sequence', 12] } } : input,
            ),
          },
        })),
      'graph_unsupported',
      /text encoders give 16 channels for encoder_hidden_states, which takes 12/,
    ],
    [
      'whose third tokenizer is none that the library runs',
      async (folder) => {
        await withThirdEncoder(folder);
        await editJson<{ pre_tokenizer: object }>(path.join(folder, 'tokenizer_3/tokenizer.json'), (json) => {
          json.pre_tokenizer = { type: 'Chinese' };
        });
      },
      'pipeline_incomplete',
      /tokenizer\.json cannot be used: .*Chinese/,
    ],
  ])('of SD3 %s', async (about, change, code, message) => {
    const folder = await sd3Pipeline(path.join(root, about.replaceAll(/\W/g, '-')));
    await change(folder);
    expect(await refusalOf(() => prepare('other', folder), store)).toEqual(refused(code, message));
  });
});
