import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Engine, WASM_WEIGHT_LIMIT } from '../../../client/engine/engine.ts';
import { openNodeRuntime } from '../../../client/engine/sessions/node.ts';
import { HttpBlobs } from '../../../client/engine/weights/http-blobs.ts';
import { MemoryCache } from '../../../client/engine/weights/memory-cache.ts';
import type { BlobRef } from '../../../shared/manifest.ts';
import type { EngineEvent, GenerateRequest, GenerateResult } from '../../../shared/protocol.ts';
import { EdgeServer } from './edge-server.ts';
import { tinyCatalogue, type TinyCatalogue } from './tiny-model.ts';

let edge: EdgeServer;
let catalogue: TinyCatalogue;
let engine: Engine;
let request: GenerateRequest;
let events: EngineEvent[];

const tinyRequest = (): GenerateRequest => ({
  ...catalogue,
  prompt: 'a pip in knit',
  seed: 7,
  steps: 3,
  guidanceScale: 3,
  strengths: [1, 1],
  rule: 'kl',
});
const fixture = async (path: string) => new Uint8Array(await readFile(new URL(`../../fixtures/sd15-tiny/${path}`, import.meta.url)));
const newEngine = (cache = new MemoryCache()) =>
  new Engine({
    openRuntime: openNodeRuntime,
    openBlobs: async () => new HttpBlobs({ edge: edge.origin, site: 'pk_test', cache }),
  });

beforeAll(async () => {
  edge = await EdgeServer.start();
  catalogue = await tinyCatalogue(fixture, (bytes) => edge.add(bytes));
  engine = newEngine();
});
afterAll(async () => {
  await engine.close();
  await edge.stop();
});
beforeEach(() => {
  events = [];
  request = tinyRequest();
});

const generate = (
  change: Partial<GenerateRequest> = {},
  on: (event: EngineEvent) => void = (event) => void events.push(event),
): Promise<GenerateResult> => engine.generate({ ...request, ...change }, on);
const direct = (change: Partial<GenerateRequest> = {}) => generate({ rule: 'direct', ...change });
const without = (...kinds: ('subject' | 'style')[]): GenerateRequest => {
  const rest = { ...request };
  for (const kind of kinds) delete rest[kind];
  return rest;
};
const ofType = <T extends EngineEvent['type']>(type: T) =>
  events.filter((event): event is Extract<EngineEvent, { type: T }> => event.type === type);
const difference = (a: GenerateResult, b: GenerateResult) =>
  a.image.data.reduce((sum, value, i) => sum + Math.abs(value - b.image.data[i]!), 0) / a.image.data.length;

describe('the first picture', () => {
  let first: GenerateResult;
  let missing: BlobRef[];
  const seen: EngineEvent[] = [];

  beforeAll(async () => {
    missing = await engine.missing([catalogue.subject.file, catalogue.model.graphs.decoder.topology]);
    first = await engine.generate(tinyRequest(), (event) => void seen.push(event));
  });
  beforeEach(() => {
    events = seen;
  });

  test('has the size that the model says, opaque, and is not flat', () => {
    const { width, height, data } = first.image;
    expect([width, height, data.length]).toEqual([catalogue.model.image.width, catalogue.model.image.height, width * height * 4]);
    expect(data.filter((_, i) => i % 4 === 3).every((alpha) => alpha === 255)).toBe(true);
    expect(new Set(data).size).toBeGreaterThan(20);
  });

  test('tells downloads, sessions, steps and decoding, in this order', () => {
    const order = events.map((event) => event.type).filter((type, i, all) => type !== all[i - 1]);
    expect(order).toEqual(['download', 'session', 'step', 'decode']);
    const last = ofType('download').at(-1)!;
    expect(last.loaded).toBe(last.total);
    expect(ofType('session').map(({ graph, index, count }) => `${graph} ${index + 1}/${count}`)).toEqual([
      'textEncoder 1/3',
      'denoiser 2/3',
      'decoder 3/3',
    ]);
    expect(ofType('step').map(({ step, steps }) => `${step}/${steps}`)).toEqual(['1/3', '2/3', '3/3']);
    expect(ofType('step').at(-1)!.secondsLeft).toBe(0);
  });

  test('comes with the choices of every layer and step', () => {
    const { modules, steps, distances, choice } = first.fusionMap;
    expect([steps, distances.length, choice.length]).toEqual([3, 3 * modules.length * 2, 3 * modules.length]);
    expect(modules).toContain('down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q');
    for (const [i, chosen] of choice.entries()) expect(distances[i * 2 + chosen]).toBeGreaterThanOrEqual(distances[i * 2 + 1 - chosen]!);
    expect(new Set(choice)).toEqual(new Set([0, 1]));
    expect(ofType('step')[1]!.choice).toEqual(choice.slice(modules.length, 2 * modules.length));
  });

  test('counts the bytes: all downloaded, none cached', async () => {
    expect(missing).toHaveLength(2);
    expect(await engine.missing(missing)).toEqual([]);
    const { bytesDownloaded, bytesCached, stepMs, totalMs } = first.timings;
    expect([bytesCached, stepMs.length]).toEqual([0, 3]);
    expect(bytesDownloaded).toBe(ofType('download').at(-1)!.total);
    expect(totalMs).toBeGreaterThanOrEqual(stepMs.reduce((sum, ms) => sum + ms, 0));
  });
});

test('a prompt that is too long is told, with the words that the model does not see, and makes the picture of the rest', async () => {
  const whole = await generate({ prompt: 'abc defghijklmn' });
  expect(ofType('warning')).toEqual([]);
  const long = await generate({ prompt: 'abc defghijklmn opq', negativePrompt: 'abc defghijklmn rs tu' });
  expect(ofType('warning').map(({ message }) => message)).toEqual([expect.stringMatching(/“rs tu”$/), expect.stringMatching(/“opq”$/)]);
  expect(long.image.data).toEqual((await generate({ prompt: 'abc defghijklmn', negativePrompt: 'abc defghijklmn' })).image.data);
  expect(difference(long, whole)).toBeGreaterThan(0);
});

test('the same seed gives the same picture from the loaded sessions; another seed another', async () => {
  const a = await generate();
  events = [];
  const b = await generate();
  expect(b.image.data).toEqual(a.image.data);
  expect(ofType('session')).toEqual([]);
  expect(b.timings.bytesDownloaded).toBe(0);
  expect(difference(a, await generate({ seed: 8 }))).toBeGreaterThan(1);
});

test('previews come ever nearer to the picture, which they do not change', async () => {
  const plain = await direct({ steps: 12 });
  events = [];
  const watched = await direct({ steps: 12, preview: true });
  expect(watched.image).toEqual(plain.image);
  const previews = ofType('preview').map(({ image }) => difference({ ...watched, image }, watched));
  expect(previews.length).toBeGreaterThan(0);
  expect(previews).toEqual(previews.toSorted((a, b) => b - a));
  expect(events.findIndex(({ type }) => type === 'preview')).toBeGreaterThan(events.findIndex(({ type }) => type === 'step') + 1);
});

test('a guidance scale of 1 or less does not see the negative prompt', async () => {
  // Not under `kl`: both prompts share one decision a layer, so each shows in it.
  const [negativePrompt, prompt] = ['dull', 'zebra'];
  expect(difference(await direct({ guidanceScale: 1 }), await direct({ guidanceScale: 1, negativePrompt }))).toBeLessThan(0.01);
  expect(difference(await direct({ guidanceScale: 1 }), await direct({ guidanceScale: 0 }))).toBeLessThan(0.01);
  const guided = await direct();
  expect(difference(guided, await direct({ negativePrompt }))).toBeGreaterThan(0.01);
  expect(difference(guided, await direct({ prompt }))).toBeGreaterThan(0.01);
});

test('strengths of 0 are no LoRA at all, and each rule makes its own picture', async () => {
  const plain = await engine.generate(without('subject', 'style'), () => undefined);
  expect(plain.fusionMap.modules).toEqual([]);
  expect(difference(await generate({ strengths: [0, 0] }), plain)).toBeLessThan(0.01);
  const pictures = [plain, await generate()];
  for (const rule of ['direct', 'subject-only', 'style-only'] as const) pictures.push(await generate({ rule }));
  for (const [i, a] of pictures.entries()) for (const b of pictures.slice(i + 1)) expect(difference(a, b)).toBeGreaterThan(0.01);
});

test('one LoRA alone, under kl, is that LoRA: in every layer that it has', async () => {
  const subject = await engine.generate(without('style'), () => undefined);
  expect(new Set(subject.fusionMap.choice)).toEqual(new Set([0]));
  expect(difference(subject, await generate({ rule: 'subject-only' }))).toBeLessThan(0.01);
  const style = await engine.generate(without('subject'), () => undefined);
  expect(new Set(style.fusionMap.choice)).toEqual(new Set([1]));
  expect(difference(style, await generate({ rule: 'style-only' }))).toBeLessThan(0.01);
});

test('a LoRA that changes more layers rebuilds only what it changes, from the cache', async () => {
  const fresh = newEngine();
  const sessions: string[] = [];
  const on = (event: EngineEvent) => void (event.type === 'session' && sessions.push(event.graph));
  await fresh.generate(without('subject'), on);
  expect(sessions.splice(0)).toEqual(['textEncoder', 'denoiser', 'decoder']);
  const both = await fresh.generate(request, on);
  expect(sessions.splice(0)).toEqual(['textEncoder', 'denoiser']);
  expect(both.timings.bytesDownloaded).toBe(catalogue.subject.file.bytes);
  expect(both.image.data).toEqual((await generate()).image.data);
  await fresh.generate(without('subject'), on);
  expect(sessions).toEqual([]);
  await fresh.close();
});

test('a second call while one runs rejects with engine_busy, and the first goes on', async () => {
  const running = generate();
  await expect(generate()).rejects.toMatchObject({ code: 'engine_busy' });
  await expect(engine.start({ backend: 'wasm' })).rejects.toMatchObject({ code: 'engine_busy' });
  expect((await running).fusionMap.steps).toBe(3);
});

test('cancels within one step, and the next picture is whole', async () => {
  const steps: number[] = [];
  const cancelling = generate({ steps: 50 }, (event) => {
    if (event.type !== 'step') return;
    steps.push(event.step);
    if (event.step === 2) void engine.cancel();
  });
  await expect(cancelling).rejects.toMatchObject({ code: 'cancelled' });
  expect(steps).toEqual([1, 2]);
  expect((await generate()).fusionMap.steps).toBe(3);
});

test.each(['download', 'session'] as const)('cancels during %s', async (stage) => {
  const fresh = newEngine();
  const cancelling = fresh.generate(request, (event) => void (event.type === stage && fresh.cancel()));
  await expect(cancelling).rejects.toMatchObject({ code: 'cancelled' });
  expect((await fresh.generate(request, () => undefined)).fusionMap.steps).toBe(3);
  await fresh.close();
});

test('a truncated LoRA is refused by its own code, and the engine goes on', async () => {
  const file = edge.add((await fixture('lora/style.peft.safetensors')).subarray(0, 50_000));
  await expect(generate({ style: { ...catalogue.style, file } })).rejects.toMatchObject({ code: 'lora_truncated' });
  expect((await generate()).fusionMap.steps).toBe(3);
});

test('a corrupt shard is refused, cached nowhere, and the next try with a sound one works', async () => {
  const cache = new MemoryCache();
  const fresh = newEngine(cache);
  const shard = catalogue.model.graphs.denoiser.weights[0]!;
  const mischief = edge.mischief(shard.sha256);
  mischief.serve = new Uint8Array(shard.bytes);
  await expect(fresh.generate(request, () => undefined)).rejects.toMatchObject({ code: 'blob_corrupt', details: { sha256: shard.sha256 } });
  expect(await cache.has(shard)).toBe(false);
  delete mischief.serve;
  expect((await fresh.generate(request, () => undefined)).fusionMap.steps).toBe(3);
  await fresh.close();
});

test('without WebGPU a model that is too large is refused before anything is downloaded', async () => {
  const fresh = newEngine();
  await fresh.start({ backend: 'wasm' });
  const huge = { sha256: '0'.repeat(64), path: 'huge', bytes: WASM_WEIGHT_LIMIT + 1 };
  const { denoiser } = catalogue.model.graphs;
  const model = { ...catalogue.model, graphs: { ...catalogue.model.graphs, denoiser: { ...denoiser, weights: [huge] } } };
  const before = edge.requests.length;
  await expect(fresh.generate({ ...request, model }, () => undefined)).rejects.toMatchObject({ code: 'model_too_large_for_wasm' });
  expect(edge.requests.length).toBe(before);
  await fresh.close();
});

test('a request that cannot be sampled is refused before anything is downloaded', async () => {
  const fresh = newEngine();
  const before = edge.requests.length;
  await expect(fresh.generate({ ...request, steps: 0 }, () => undefined)).rejects.toMatchObject({
    code: 'request_invalid',
    details: { field: 'steps' },
  });
  expect(edge.requests.length).toBe(before);
  await fresh.close();
});

test('wasm makes the CPU’s picture', async () => {
  const fresh = newEngine();
  expect(await fresh.start({ backend: 'wasm' })).toMatchObject({ backend: 'wasm' });
  expect(difference(await fresh.generate(request, () => undefined), await generate())).toBeLessThan(2);
  await fresh.close();
});
