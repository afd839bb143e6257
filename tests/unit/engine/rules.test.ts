import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Engine } from '../../../client/engine/engine.ts';
import { openNodeRuntime } from '../../../client/engine/sessions/node.ts';
import { HttpBlobs } from '../../../client/engine/weights/http-blobs.ts';
import { MemoryCache } from '../../../client/engine/weights/memory-cache.ts';
import { BRANCHES } from '../../../shared/fusion/factors.ts';
import type { EngineEvent, GenerateRequest, GenerateResult } from '../../../shared/protocol.ts';
import { RULES } from '../../../shared/rules.ts';
import { EdgeServer } from './edge-server.ts';
import { tinyCatalogue, type TinyCatalogue } from './tiny-model.ts';

const STEPS = 4;

let edge: EdgeServer;
let catalogue: TinyCatalogue;
let engine: Engine;

const newEngine = () =>
  new Engine({
    openRuntime: openNodeRuntime,
    openBlobs: async () => new HttpBlobs({ edge: edge.origin, site: 'pk_test', cache: new MemoryCache() }),
  });

beforeAll(async () => {
  edge = await EdgeServer.start();
  const fixture = async (path: string) => new Uint8Array(await readFile(new URL(`../../fixtures/sd15-tiny/${path}`, import.meta.url)));
  catalogue = await tinyCatalogue(fixture, (bytes) => edge.add(bytes));
  engine = newEngine();
});
afterAll(async () => {
  await engine.close();
  await edge.stop();
});

const generate = (change: Partial<GenerateRequest>, onEvent: (event: EngineEvent) => void = () => {}): Promise<GenerateResult> => {
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
};

/** Mean difference of the 8-bit values of two pictures. */
function difference(a: GenerateResult, b: GenerateResult): number {
  let sum = 0;
  for (const [i, value] of a.image.data.entries()) sum += Math.abs(value - b.image.data[i]!);
  return sum / a.image.data.length;
}

/** What the layers of step `step` applied. */
const branchesAt = ({ fusionMap: { modules, choice } }: GenerateResult, step: number): Set<string> =>
  new Set(Array.from(choice.subarray(step * modules.length, (step + 1) * modules.length), (at) => BRANCHES[at]!));

describe('every rule of the list', () => {
  const pictures = new Map<string, GenerateResult>();
  beforeAll(async () => {
    for (const rule of RULES) pictures.set(rule, await generate({ rule, ruleSettings: { tau: 2 } }));
  });

  test('makes a picture of its own', () => {
    const pairs = [...pictures].flatMap(([a, first], i) => [...pictures].slice(i + 1).map(([b, second]) => ({ a, b, apart: difference(first, second) }))); // prettier-ignore
    expect(pairs.filter(({ apart }) => apart < 0.005)).toEqual([]);
  });

  test.each([
    ['direct', ['both', 'both', 'both', 'both']],
    ['contrast', ['both', 'both', 'both', 'both']],
    ['np-lora', ['both', 'both', 'both', 'both']],
    ['composite', ['both', 'both', 'both', 'both']],
    ['subject-only', ['subject', 'subject', 'subject', 'subject']],
    ['style-only', ['style', 'style', 'style', 'style']],
    ['switch', ['subject', 'subject', 'style', 'style']],
  ])('%s tells what each step applied', (rule, expected) => {
    const picture = pictures.get(rule)!;
    expect(Array.from({ length: STEPS }, (_, step) => [...branchesAt(picture, step)].join())).toEqual(expected);
    expect(picture.fusionMap.distances.every((distance) => distance === 0)).toBe(true);
  });

  test.each(['kl', 'kl-soft', 'l2', 'cosine'])('%s tells how far each LoRA moves each layer', (rule) => {
    const { fusionMap } = pictures.get(rule)!;
    const largest = fusionMap.modules.map((_, row) => Math.max(fusionMap.distances[2 * row]!, fusionMap.distances[2 * row + 1]!));
    expect(Math.min(...largest)).toBeGreaterThan(0);
    expect(new Set(fusionMap.choice)).toEqual(new Set([0, 1]));
  });
});

test('composite of one LoRA with itself is that LoRA at 0.8 of its strength', async () => {
  const twin = { ...catalogue.subject, kind: 'style' as const };
  const mean = await generate({ rule: 'composite', style: twin });
  expect(difference(mean, await generate({ rule: 'subject-only', style: twin, strengths: [0.8, 1] }))).toBeLessThan(0.01);
  expect(difference(mean, await generate({ rule: 'subject-only', style: twin }))).toBeGreaterThan(0.01);
});

test('contrast is direct with the style’s words in the unconditional half, and its style stronger', async () => {
  const { trigger } = catalogue.style;
  const contrast = await generate({ rule: 'contrast', ruleSettings: { gain: 1.5, onset: 0 }, negativePrompt: 'dull' });
  const byHand = await generate({ rule: 'direct', strengths: [1, 1.5], negativePrompt: `dull, a picture ${trigger}` });
  expect(difference(contrast, byHand)).toBeLessThan(1e-6);
  const half = await generate({ rule: 'contrast', ruleSettings: { gain: 1.5, onset: 0.5 }, negativePrompt: 'dull' });
  expect(difference(contrast, half)).toBeGreaterThan(1e-4);
  const late = await generate({ rule: 'contrast', ruleSettings: { gain: 1, onset: 1 } });
  expect(difference(late, await generate({ rule: 'direct' }))).toBeLessThan(1e-6);
  const unguided = { guidanceScale: 1, ruleSettings: { gain: 1 } };
  expect(difference(await generate({ ...unguided, rule: 'contrast' }), await generate({ ...unguided, rule: 'direct' }))).toBeLessThan(1e-6);
});

test('kl-soft is kl at every position with half of the one that loses, or whatever is asked for', async () => {
  const soft = await generate({ rule: 'kl-soft' });
  expect(difference(soft, await generate({ rule: 'kl', ruleSettings: { scope: 'position', loser: 0.5 } }))).toBeLessThan(1e-6);
  const plain = await generate({ rule: 'kl-soft', ruleSettings: { scope: 'layer', loser: 0 } });
  expect(difference(plain, await generate({}))).toBeLessThan(1e-6);
  expect(difference(soft, plain)).toBeGreaterThan(0.005);
  const whole = await generate({ rule: 'kl-soft', ruleSettings: { loser: 1 } });
  expect(difference(whole, await generate({ rule: 'direct' }))).toBeLessThan(0.005);
});

test('kl-soft measured less often has to choose by the layer, and says so', async () => {
  const refused = generate({ rule: 'kl-soft', ruleSettings: { every: 2 } });
  await expect(refused).rejects.toMatchObject({
    code: 'request_invalid',
    message: expect.stringContaining('set every to 1, or scope to layer'),
  });
  expect((await generate({ rule: 'kl-soft', ruleSettings: { every: 2, scope: 'layer' } })).fusionMap.steps).toBeGreaterThan(0);
});

test('measuring every other step keeps the choice in between; the steps that measure are the exact rule’s', async () => {
  const exact = (await generate({})).fusionMap;
  const sparse = (await generate({ ruleSettings: { every: 2 } })).fusionMap;
  const layers = exact.modules.length;
  const row = (values: Float32Array | Uint8Array, step: number, width: number) => [
    ...values.subarray(step * layers * width, (step + 1) * layers * width),
  ];
  expect(row(sparse.choice, 0, 1)).toEqual(row(exact.choice, 0, 1));
  for (const [kept, measured] of [
    [1, 0],
    [3, 2],
  ] as const) {
    // prettier-ignore
    expect(row(sparse.choice, kept, 1)).toEqual(row(sparse.choice, measured, 1));
    expect(row(sparse.distances, kept, 2)).toEqual(row(sparse.distances, measured, 2));
  }
  expect(row(sparse.distances, 2, 2)).not.toEqual(row(sparse.distances, 0, 2));
  row(sparse.distances, 0, 2).forEach((distance, at) => expect(distance).toBeCloseTo(exact.distances[at]!, 5));
});

test('rules that need no measuring share one session; one that measures now and then serves them too', async () => {
  const fresh = newEngine();
  const sessions: string[] = [];
  const run = async (change: Partial<GenerateRequest>): Promise<string[]> => {
    const request = { ...catalogue, prompt: '', seed: 1, steps: 2, guidanceScale: 3, strengths: [1, 1] as const, rule: 'direct' as const };
    await fresh.generate({ ...request, ...change }, (event) => void (event.type === 'session' && sessions.push(event.graph)));
    return sessions.splice(0);
  };
  expect(await run({})).toEqual(['textEncoder', 'denoiser', 'decoder']);
  for (const rule of ['subject-only', 'np-lora', 'k-lora', 'switch', 'composite', 'block', 'contrast'] as const)
    expect(await run({ rule })).toEqual([]);
  expect(await run({ rule: 'kl', ruleSettings: { every: 2 } })).toEqual(['textEncoder', 'denoiser']);
  expect(await run({ rule: 'kl' })).toEqual([]);
  expect(await run({ rule: 'kl-soft', ruleSettings: { scope: 'layer' } })).toEqual([]);
  expect(await run({ rule: 'l2' })).toEqual(['textEncoder', 'denoiser']);
  await fresh.close();
});

test.each([
  [{ every: 0 }, 'ruleSettings.every'],
  [{ mu: -1 }, 'ruleSettings.mu'],
  [{ schedule: 't' }, 'ruleSettings.schedule'],
  [{ strength: 1 }, 'ruleSettings.strength'],
])('refuses the settings %j, naming the field', async (ruleSettings, field) => {
  const refused = generate({ ruleSettings: ruleSettings as NonNullable<GenerateRequest['ruleSettings']> });
  await expect(refused).rejects.toMatchObject({ code: 'request_invalid', details: { field }, message: expect.stringContaining(field) });
});
