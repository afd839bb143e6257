import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { encode } from 'fast-png';
import { beforeAll, describe, expect, test } from 'vitest';
import { DEMO } from '../../../models-manifest/cli/demo/seed-store.ts';
import { withDemoStore } from '../../../models-manifest/cli/demo/with-demo-store.ts';
import { makePicture } from '../../../models-manifest/cli/generate/make-picture.ts';
import { encodePng } from '../../../models-manifest/cli/image/encode-png.ts';
import { readPng } from '../../../models-manifest/cli/image/read-png.ts';
import { addLora, type AddLoraOptions } from '../../../models-manifest/cli/lora/add-lora.ts';
import { prepareModel } from '../../../models-manifest/cli/pipeline/prepare-model.ts';
import { Store } from '../../../models-manifest/cli/store.ts';
import type { LoraKind } from '../../../shared/manifest.ts';
import { SD15 } from './fixture-folder.ts';
import { refusalOf, refused } from './refusal.ts';
import { tempRoot } from './temp-root.ts';
import { TINY_OPTIONS, tinyPipeline } from './tiny-pipeline.ts';

const root = tempRoot();
const store = new Store(path.join(root, 'store'));
const FILES = { subject: 'subject.kohya', style: 'style.peft' } as const;

const add = (kind: LoraKind, options: Partial<AddLoraOptions>, model = 'tiny') =>
  addLora(path.join(SD15, 'lora', `${FILES[kind]}.safetensors`), store, {
    model,
    kind,
    id: kind,
    trigger: kind,
    license: 'CC0-1.0',
    author: 'Diptych',
    ...options,
  });

/** Of the fixture's encoder. */
const DINO_WIDTH = 32;

/** A PNG of two colours, of its own size. */
async function picture(name: string, width: number, height: number, colours: [number[], number[]]): Promise<string> {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let at = 0; at < width * height; at++) data.set([...colours[at % 2]!, 255], at * 4);
  const file = path.join(root, name);
  await writeFile(file, encodePng({ width, height, data }));
  return file;
}

let red: string;
let blue: string;
beforeAll(async () => {
  await prepareModel(await tinyPipeline(path.join(root, 'pipeline')), store, TINY_OPTIONS, () => undefined);
  await prepareModel(path.join(root, 'pipeline'), store, { ...TINY_OPTIONS, id: 'blind', guidance: false }, () => undefined);
  red = await picture('red.png', 24, 24, [
    [250, 10, 10],
    [120, 0, 30],
  ]);
  blue = await picture('blue.png', 40, 32, [
    [0, 20, 240],
    [90, 90, 255],
  ]);
});

const length = (values: readonly number[]) => Math.hypot(...values);
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

describe('reference pictures', () => {
  test('of a subject are seen by DINO, of a style by CLIP, as embeddings of length 1', async () => {
    const subject = (await add('subject', { reference: [red] })).references!;
    expect(Object.keys(subject)).toEqual(['dino']);
    expect(length(subject.dino!)).toBeCloseTo(1, 4);
    const style = (await add('style', { reference: [red] })).references!;
    expect(Object.keys(style)).toEqual(['clip', 'gram']);
    expect(length(style.clip!)).toBeCloseTo(1, 4);
  });

  test('make their mean, of length 1', async () => {
    const of = async (...reference: string[]) => (await add('subject', { reference })).references!.dino!;
    const [one, other, both] = [await of(red), await of(blue), await of(red, blue)];
    const sum = one.map((value, i) => value + other[i]!);
    expect(dot(both, sum) / length(sum)).toBeCloseTo(1, 5);
    expect(dot(one, other)).toBeLessThan(0.99);
  });

  test('let guidance come nearer to them', async () => {
    await add('subject', { reference: [red] });
    await add('style', { reference: [blue] });
    const run = { subject: 'subject', style: 'style', seed: 3, steps: 4, strengths: [1, 1], rule: 'kl', backend: 'cpu' } as const;
    const made = (eta: number) => makePicture(store, { ...run, guidance: { eta } }, () => undefined, new AbortController().signal);
    const [still, pulled] = [(await made(0)).scores!.at(-1)!, (await made(0.1)).scores!.at(-1)!];
    expect(pulled.dino!).toBeGreaterThan(still.dino!);
    expect(pulled.clip!).toBeGreaterThan(still.clip!);
  });
});

test('embeddings made elsewhere are taken as they are', async () => {
  const file = path.join(root, 'ready.json');
  const { dino } = (await add('subject', { reference: [red] })).references!;
  await writeFile(file, JSON.stringify({ dino }));
  expect((await add('subject', { references: file })).references).toEqual({ dino });
});

describe('are refused, and nothing is added,', () => {
  const json = async (name: string, text: string) => {
    const file = path.join(root, name);
    await writeFile(file, text);
    return { references: file };
  };
  test.each<[about: string, options: () => Promise<Partial<AddLoraOptions>>, code: string, message: RegExp]>([
    ['a file that is not there', async () => ({ reference: [path.join(root, 'none.png')] }), 'usage', /none\.png cannot be read/],
    [
      'a file that is no PNG',
      async () => ({ reference: [path.join(SD15, 'golden.json')] }),
      'usage',
      /golden\.json is no PNG .*convert it to PNG/,
    ],
    [
      'a model without encoders',
      async () => ({ reference: [red], model: 'blind' }),
      'guidance_unavailable',
      /blind was prepared without .*image_encoder_dino\//,
    ],
    ['embeddings that are no JSON', () => json('text.json', 'dino'), 'usage', /text\.json is not JSON/],
    ['embeddings with a text', () => json('word.json', '{"dino": ["x"]}'), 'usage', /word\.json: dino\.0: /],
    [
      'embeddings of another kind',
      () => json('kind.json', '{"clip": [1]}'),
      'usage',
      /kind\.json: clip: .*of a subject of tiny; it reads dino/,
    ],
    [
      'embeddings of another width',
      () => json('wide.json', '{"dino": [1, 0]}'),
      'usage',
      /wide\.json: dino: has 2 numbers, and the encoder of tiny makes 32/,
    ],
    [
      'an embedding of length 0',
      async () => json('zero.json', JSON.stringify({ dino: Array(DINO_WIDTH).fill(0) })),
      'usage',
      /zero\.json: dino: .*length above 0/,
    ],
  ])('from %s', async (_, options, code, message) => {
    const given = await options();
    expect(await refusalOf(() => add('subject', given, given.model), store)).toEqual(refused(code, message));
  });
});

test.each([
  [
    'grey',
    { channels: 1, depth: 8, data: Uint8Array.of(0, 255) },
    [
      [0, 0, 0, 255],
      [255, 255, 255, 255],
    ],
  ],
  [
    'grey and alpha',
    { channels: 2, depth: 8, data: Uint8Array.of(9, 0, 9, 255) },
    [
      [9, 9, 9, 0],
      [9, 9, 9, 255],
    ],
  ],
  [
    '16 bits',
    { channels: 3, depth: 16, data: Uint16Array.of(65535, 0, 257, 0, 514, 65535) },
    [
      [255, 0, 1, 255],
      [0, 2, 255, 255],
    ],
  ],
  [
    'colours and alpha',
    { channels: 4, depth: 8, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
    [
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ],
  ],
] as const)('a PNG of %s is read as RGBA', async (name, image, expected) => {
  const file = path.join(root, `${name}.png`);
  await writeFile(file, encode({ width: 2, height: 1, ...image }));
  expect([...(await readPng(file)).data]).toEqual(expected.flat());
});

test('the demo’s references are those that training computed', async () => {
  const config = async (encoder: string) =>
    JSON.parse(await readFile(path.join(DEMO, `image_encoder_${encoder}/preprocessor_config.json`), 'utf8')) as {
      references: Record<string, number[]>;
    };
  const [dino, clip] = [await config('dino'), await config('clip')];
  await withDemoStore(async (demo) => {
    for (const { id, kind, references } of (await demo.manifest()).loras) {
      const [ours, theirs] = kind === 'subject' ? [references!.dino!, dino.references[id]!] : [references!.clip!, clip.references[id]!];
      expect(dot(ours, theirs), id).toBeCloseTo(1, 3);
    }
  });
});
