import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Engine } from '../../../client/engine/engine.ts';
import { openNodeRuntime } from '../../../client/engine/sessions/node.ts';
import { HttpBlobs } from '../../../client/engine/weights/http-blobs.ts';
import { MemoryCache } from '../../../client/engine/weights/memory-cache.ts';
import type { EngineEvent, GenerateRequest, GenerateResult } from '../../../shared/protocol.ts';
import { SAMPLERS } from '../../../shared/samplers.ts';
import { EdgeServer } from './edge-server.ts';
import { tinyCatalogue, type TinyCatalogue } from './tiny-model.ts';

let edge: EdgeServer;
let catalogue: TinyCatalogue;
let engine: Engine;

beforeAll(async () => {
  edge = await EdgeServer.start();
  const fixture = async (path: string) => new Uint8Array(await readFile(new URL(`../../fixtures/sd15-tiny/${path}`, import.meta.url)));
  catalogue = await tinyCatalogue(fixture, (bytes) => edge.add(bytes));
  engine = new Engine({
    openRuntime: openNodeRuntime,
    openBlobs: async () => new HttpBlobs({ edge: edge.origin, site: 'pk_test', cache: new MemoryCache() }),
  });
});
afterAll(async () => {
  await engine.close();
  await edge.stop();
});

const generate = (change: Partial<GenerateRequest>, onEvent: (event: EngineEvent) => void = () => {}): Promise<GenerateResult> => {
  const request = { ...catalogue, prompt: 'a pip in knit', seed: 7, steps: 3, guidanceScale: 3, strengths: [1, 1], rule: 'kl' } as const;
  return engine.generate({ ...request, ...change }, onEvent);
};

const OF_NOISE = SAMPLERS.filter((sampler) => sampler !== 'flow-euler');

describe('every sampler of noise', () => {
  const pictures = new Map<string, GenerateResult>();
  const told = new Map<string, number[]>();

  beforeAll(async () => {
    for (const sampler of OF_NOISE) {
      const steps: number[] = [];
      const picture = await generate({ sampler, schedule: 'trailing' }, (event) => void (event.type === 'step' && steps.push(event.step)));
      pictures.set(sampler, picture);
      told.set(sampler, steps);
    }
  });

  test.each(OF_NOISE)('%s tells its steps, whatever calls of the network they take', (sampler) => {
    const { fusionMap, timings } = pictures.get(sampler)!;
    expect(told.get(sampler)).toEqual([1, 2, 3]);
    expect([fusionMap.steps, timings.stepMs.length]).toEqual([3, 3]);
  });

  test.each(OF_NOISE)('%s makes the same picture again', async (sampler) => {
    expect((await generate({ sampler, schedule: 'trailing' })).image.data).toEqual(pictures.get(sampler)!.image.data);
  });

  // DDIM is Euler's method, but for the levels at which its steps end.
  test('they make different pictures', () => {
    const different = OF_NOISE.filter((sampler) => sampler !== 'ddim').map((sampler) => String(pictures.get(sampler)!.image.data));
    expect(new Set(different).size).toBe(different.length);
  });

  test.each(OF_NOISE)('%s makes a picture in one step', async (sampler) => {
    const { image, fusionMap } = await generate({ sampler, schedule: 'trailing', steps: 1 });
    expect(fusionMap.steps).toBe(1);
    expect(new Set(image.data).size).toBeGreaterThan(20);
  });
});

test('fresh noise depends on the seed alone', async () => {
  const one = await generate({ sampler: 'euler-a', schedule: 'karras' });
  await generate({ sampler: 'euler-a', schedule: 'karras', seed: 8 });
  expect((await generate({ sampler: 'euler-a', schedule: 'karras' })).image.data).toEqual(one.image.data);
});

test('a combination that cannot be is refused before anything is downloaded', async () => {
  const events: EngineEvent[] = [];
  const refused = generate({ sampler: 'flow-euler' }, (event) => void events.push(event));
  await expect(refused).rejects.toMatchObject({ code: 'request_invalid', details: { field: 'sampler' } });
  expect(events).toEqual([]);
});
