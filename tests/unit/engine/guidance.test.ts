import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Engine } from '../../../client/engine/engine.ts';
import { openNodeRuntime } from '../../../client/engine/sessions/node.ts';
import { HttpBlobs } from '../../../client/engine/weights/http-blobs.ts';
import { MemoryCache } from '../../../client/engine/weights/memory-cache.ts';
import type { EngineEvent, GenerateRequest, GenerateResult, RgbaImage } from '../../../shared/protocol.ts';
import { EdgeServer } from './edge-server.ts';
import { tinyCatalogue, type TinyCatalogue } from './tiny-model.ts';

const STEPS = 4;

let edge: EdgeServer;
let catalogue: TinyCatalogue;
let engine: Engine;
let plain: GenerateResult;

beforeAll(async () => {
  edge = await EdgeServer.start();
  const fixture = async (path: string) => new Uint8Array(await readFile(new URL(`../../fixtures/sd15-tiny/${path}`, import.meta.url)));
  catalogue = await tinyCatalogue(fixture, (bytes) => edge.add(bytes));
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

describe('a picture of the visitor’s own', () => {
  const picture = (seed: number, width = 40, height = 24): RgbaImage => ({
    width,
    height,
    data: Uint8ClampedArray.from({ length: 4 * width * height }, (_, i) =>
      i % 4 === 3 ? 255 : (i * (7 + seed) + (i >> 6) * 29 * seed) % 256,
    ),
  });

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
    const vae = { decoder: 'vae', eta: 0 } as const;
    const { image } = await generate({ guidance: vae });
    const again = await generate({ guidance: vae, referenceImages: { subject: image, style: image } });
    expect(last(again).dino).toBeGreaterThan(0.999);
    expect(last(again).clip).toBeGreaterThan(0.999);
  });
});

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
