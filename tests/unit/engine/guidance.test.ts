import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { embedPictures } from '../../../client/engine/embed-reference.ts';
import { Engine } from '../../../client/engine/engine.ts';
import { graphBlobs } from '../../../client/engine/guidance-plan.ts';
import { openNodeRuntime } from '../../../client/engine/sessions/node.ts';
import { HttpBlobs } from '../../../client/engine/weights/http-blobs.ts';
import { MemoryCache } from '../../../client/engine/weights/memory-cache.ts';
import type { BlobRef, ModelEntry } from '../../../shared/manifest.ts';
import type { EngineEvent, GenerateRequest, GenerateResult, RgbaImage } from '../../../shared/protocol.ts';
import { EdgeServer } from './edge-server.ts';
import { graphEntry, tinyCatalogue, type TinyCatalogue } from './tiny-model.ts';
import { tinyTextTower } from './tiny-text-tower.ts';
import { WatchedRuntime } from './watched-runtime.ts';

const STEPS = 4;

let edge: EdgeServer;
let catalogue: TinyCatalogue;
let engine: Engine;
let plain: GenerateResult;
/** The files of the catalogue. */
const kept = new Map<string, Uint8Array>();

function keep(bytes: Uint8Array): BlobRef {
  const ref = edge.add(bytes);
  kept.set(ref.sha256, bytes);
  return ref;
}

beforeAll(async () => {
  edge = await EdgeServer.start();
  const fixture = async (path: string) => new Uint8Array(await readFile(new URL(`../../fixtures/sd15-tiny/${path}`, import.meta.url)));
  catalogue = await tinyCatalogue(fixture, keep);
  engine = new Engine({
    openRuntime: openNodeRuntime,
    openBlobs: async () => new HttpBlobs({ edge: edge.origin, site: 'pk_test', cache: new MemoryCache() }),
  });
  plain = await generate({});
});
afterAll(async () => {
  await engine.close();
  await edge.stop();
});

function generate(change: Partial<GenerateRequest>, onEvent: (event: EngineEvent) => void = () => {}): Promise<GenerateResult> {
  const request = {
    ...catalogue,
    prompt: 'a pip in knit',
    seed: 7,
    steps: STEPS,
    guidanceScale: 3,
    strengths: [1, 1] as const,
    rule: 'kl' as const,
  };
  return engine.generate({ ...request, ...change }, onEvent);
}

const last = ({ scores }: GenerateResult) => scores!.at(-1)!;

test('a guided run scores higher at its end than an unguided one', async () => {
  // An eta of 0 measures and moves nothing.
  const still = await generate({ guidance: { eta: 0 } });
  expect(still.image.data).toEqual(plain.image.data);
  expect(plain.scores).toBeUndefined();
  const guided = await generate({ guidance: { eta: 0.1 } });
  expect(last(guided).dino).toBeGreaterThan(last(still).dino! + 0.01);
  expect(last(guided).clip).toBeGreaterThan(last(still).clip! + 0.01);
  expect(guided.scores!.length).toBe(STEPS + 1);
});

test('each step tells its scores; steps outside the window have none', async () => {
  const scores: unknown[] = [];
  const on = (event: EngineEvent) => void (event.type === 'step' && scores.push(event.scores && Object.keys(event.scores)));
  const { scores: kept } = await generate({ guidance: { from: 0.25, to: 0.75 } }, on);
  expect(scores).toEqual([undefined, ['dino', 'clip'], ['dino', 'clip'], undefined]);
  expect(kept!.length).toBe(3);
});

test.each(['ddim', 'heun'] as const)('scores are read once a step under %s, however many refinements it has', async (sampler) => {
  const runtime = new WatchedRuntime(await openNodeRuntime('cpu'));
  const watched = new Engine({
    openRuntime: async () => runtime.watched(),
    openBlobs: async () => new HttpBlobs({ edge: edge.origin, site: 'pk_test', cache: new MemoryCache() }),
  });
  const request = {
    ...catalogue,
    prompt: '',
    seed: 1,
    steps: STEPS,
    guidanceScale: 3,
    strengths: [1, 1] as const,
    rule: 'direct' as const,
  };
  const reads: number[][] = [];
  const { scores } = await watched.generate(
    { ...request, sampler, guidance: { iterations: 3 } },
    (event) => void (event.type === 'step' && reads.push(runtime.reads.splice(0))),
  );
  await watched.close();
  // Before the first step the prompt's embedding is read as well.
  expect(reads.slice(1)).toEqual([[2], [2], [2]]);
  expect(reads[0]!.filter((elements) => elements === 2)).toEqual([2]);
  expect(scores!.length).toBe(STEPS + 1);
});

test('a metric of weight 0 is measured and does not pull', async () => {
  const both = await generate({ guidance: { eta: 0.1 } });
  const subject = await generate({ guidance: { eta: 0.1, weights: { clip: 0 } } });
  expect(last(subject).clip).toBeLessThan(last(both).clip!);
  expect(last(subject).dino).toBeGreaterThan(last(both).dino! - 0.02);
});

test('the VAE, more iterations and a falling eta each make a picture of their own', async () => {
  const settings: GenerateRequest['guidance'][] = [{}, { decoder: 'vae' }, { iterations: 3 }, { schedule: 'falling' }];
  const pictures: string[] = [];
  for (const guidance of settings) pictures.push((await generate({ guidance: { eta: 0.1, ...guidance } })).image.data.join());
  expect(new Set([...pictures, plain.image.data.join()]).size).toBe(5);
});

test('its networks are downloaded when guidance is first used, and started once', async () => {
  const fresh = new Engine({
    openRuntime: openNodeRuntime,
    openBlobs: async () => new HttpBlobs({ edge: edge.origin, site: 'pk_test', cache: new MemoryCache() }),
  });
  const request = { ...catalogue, prompt: '', seed: 1, steps: 1, guidanceScale: 3, strengths: [1, 1] as const, rule: 'direct' as const };
  const sessions: string[] = [];
  const run = async (guidance?: GenerateRequest['guidance']) => {
    const { timings } = await fresh.generate(
      { ...request, ...(guidance && { guidance }) },
      (event) => void (event.type === 'session' && sessions.push(event.graph)),
    );
    return { bytes: timings.bytesDownloaded, sessions: sessions.splice(0) };
  };
  expect((await run()).sessions).toEqual(['textEncoder', 'denoiser', 'decoder']);
  const first = await run({});
  expect(first.bytes).toBeGreaterThan(0);
  expect(first.sessions).toEqual(['guidance']);
  expect(await run({ eta: 0.2 })).toEqual({ bytes: 0, sessions: [] });
  // The VAE's own weights are in the cache already.
  expect(await run({ decoder: 'vae' })).toEqual({ bytes: 0, sessions: ['guidance'] });
  await fresh.close();
});

const picture = (seed: number, width = 40, height = 24): RgbaImage => ({
  width,
  height,
  data: Uint8ClampedArray.from({ length: 4 * width * height }, (_, i) =>
    i % 4 === 3 ? 255 : (i * (7 + seed) + (i >> 6) * 29 * seed) % 256,
  ),
});

describe('a picture of the visitor’s own', () => {
  test('takes the place of a LoRA’s reference', async () => {
    const own = await generate({ guidance: { eta: 0.1 }, referenceImages: { subject: picture(3) } });
    expect(own.image.data).not.toEqual((await generate({ guidance: { eta: 0.1 } })).image.data);
  });

  test('is one even where the LoRA has none', async () => {
    const { references: _, ...subject } = catalogue.subject;
    const { references: __, ...style } = catalogue.style;
    const { scores } = await generate({ subject, style, guidance: {}, referenceImages: { style: picture(5) } });
    expect(Object.keys(scores![0]!)).toEqual(['clip']);
  });

  test('of the generated picture itself scores 1, nearly: reference and guidance see pictures alike', async () => {
    const vae = { decoder: 'vae', eta: 0, weights: { gram: 0 } } as const;
    const { image } = await generate({ guidance: vae });
    const again = await generate({ guidance: vae, referenceImages: { subject: image, style: image } });
    expect(last(again).dino).toBeGreaterThan(0.999);
    expect(last(again).clip).toBeGreaterThan(0.999);
    expect(last(again).gram).toBeGreaterThan(0.999);
  });
});

describe('style by Gram matrices, and the prompt', () => {
  const alone = (name: 'gram' | 'clip-text', weight: number) => ({ dino: 0, clip: 0, [name]: weight });

  test.each(['gram', 'clip-text'] as const)('%s takes part where it is given a weight, and pulls', async (name) => {
    const { model } = await withTower();
    const style = { ...catalogue.style, references: { gram: [...(await gramReference([picture(3), picture(4, 20, 20)]))] } };
    const request = { model, style };
    expect(Object.keys(last(await generate({ ...request, guidance: {} })))).not.toContain(name);
    const [still, pulled] = [
      await generate({ ...request, guidance: { eta: 0, weights: alone(name, 0) } }),
      await generate({ ...request, guidance: { eta: 0.1, weights: alone(name, 1) } }),
    ];
    expect(last(pulled)[name]).toBeGreaterThan(last(still)[name]! + 0.01);
  });

  test('a reference of several pictures is the mean of each one’s embedding, of length 1', async () => {
    const pictures = [picture(3), picture(4), picture(5, 20, 20)];
    const each: Float32Array[] = [];
    for (const one of pictures) each.push(await gramReference([one]));
    const sums = Array.from(each[0]!, (_, k) => each.reduce((total, embedding) => total + embedding[k]!, 0));
    const together = await gramReference(pictures);
    expect(together.length).toBe(32 * 32);
    for (const [k, sum] of sums.entries()) expect(together[k]).toBeCloseTo(sum / Math.hypot(...sums), 5);
    await expect(gramReference([])).rejects.toMatchObject({ code: 'request_invalid' });
  });

  test('a prompt is embedded once: the text tower is not read again for another seed', async () => {
    const { model, towerBytes } = await withTower();
    const read = async (change: Partial<GenerateRequest>) => {
      const { timings } = await generate({ model, guidance: { eta: 0, weights: alone('clip-text', 1) }, ...change });
      return timings.bytesCached + timings.bytesDownloaded;
    };
    await read({ prompt: 'a pip' });
    const again = await read({ prompt: 'a pip', seed: 8 });
    expect(await read({ prompt: 'a cat' })).toBe(again + towerBytes);
  });

  test.each([
    ['gram', 'gramLayer', {}],
    ['clip-text', 'text tower', {}],
    ['clip-text', 'the prompt is empty', { prompt: ' ' }],
  ] as const)('%s that is asked for and cannot be (%s) is told, and the others go on', async (name, reason, change) => {
    const { model } = 'prompt' in change ? await withTower() : catalogue;
    const { gramLayer: _, ...clip } = model.guidance!.encoders.clip!;
    const bare = { ...model, guidance: { ...model.guidance!, encoders: { ...model.guidance!.encoders, clip } } };
    const warnings: string[] = [];
    const on = (event: EngineEvent) => void (event.type === 'warning' && warnings.push(event.message));
    const { scores } = await generate({ model: bare, guidance: { weights: { [name]: 1 } }, ...change }, on);
    expect(Object.keys(scores![0]!)).toEqual(['dino', 'clip']);
    expect(warnings).toEqual([expect.stringContaining(reason)]);
    expect(warnings[0]).toContain(name);
  });

  test('a LoRA’s reference by another encoder is refused, with the fix', async () => {
    const style = { ...catalogue.style, references: { clip: [1, 0, 0] } };
    await expect(generate({ style, guidance: {} })).rejects.toMatchObject({
      code: 'guidance_unavailable',
      message: expect.stringContaining('3 numbers'),
    });
  });
});

/** What `diptych lora add` would write of these pictures. */
async function gramReference(pictures: RgbaImage[]): Promise<Float32Array> {
  const runtime = await openNodeRuntime('cpu');
  const encoder = catalogue.model.guidance!.encoders.clip!;
  const blobs = new Map(graphBlobs(encoder.graph).map(({ sha256 }) => [sha256, kept.get(sha256)!]));
  try {
    return await embedPictures(runtime, { name: 'gram', encoder }, pictures, blobs);
  } finally {
    await runtime.close();
  }
}

/** The tiny model with a text tower of its image encoder's width: its text encoder, the mean over tokens, and a projection. */
async function withTower(): Promise<{ model: ModelEntry; towerBytes: number }> {
  const { model } = catalogue;
  const graph = await graphEntry(await tinyTextTower(), keep);
  const towerBytes = [...graphBlobs(graph), model.text.tokenizer].reduce((total, { bytes }) => total + bytes, 0);
  return { model: { ...model, guidance: { ...model.guidance!, clipText: { graph, text: model.text } } }, towerBytes };
}

describe('guidance that cannot be', () => {
  test.each([
    [{ eta: -1 }, 'guidance.eta'],
    [{ iterations: 0 }, 'guidance.iterations'],
    [{ weights: { judge: 1 } }, 'guidance.weights.judge'],
  ])('refuses the settings %j, naming the field', async (guidance, field) => {
    await expect(generate({ guidance: guidance as NonNullable<GenerateRequest['guidance']> })).rejects.toMatchObject({
      code: 'request_invalid',
      details: { field },
    });
  });

  test('says what is missing', async () => {
    const { guidance: _, ...bare } = catalogue.model;
    await expect(generate({ model: bare, guidance: {} })).rejects.toMatchObject({
      code: 'guidance_unavailable',
      message: expect.stringContaining('prepared without image encoders'),
    });
    const { tinyDecoder: __, ...encoders } = catalogue.model.guidance!;
    const full = { ...catalogue.model, guidance: encoders };
    await expect(generate({ model: full, guidance: { decoder: 'tiny' } })).rejects.toMatchObject({ code: 'guidance_unavailable' });
    const { references: ___, ...subject } = catalogue.subject;
    const { subject: ____, style: _____, ...alone } = { ...catalogue };
    await expect(
      engine.generate(
        { ...alone, subject, prompt: '', seed: 1, steps: 1, guidanceScale: 3, strengths: [1, 1], rule: 'kl', guidance: {} },
        () => {},
      ),
    ).rejects.toMatchObject({
      code: 'guidance_unavailable',
      message: expect.stringContaining('reference pictures'),
    });
  });
});
