import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Engine } from '../../../client/engine/engine.ts';
import { openNodeRuntime } from '../../../client/engine/sessions/node.ts';
import { HttpBlobs } from '../../../client/engine/weights/http-blobs.ts';
import { MemoryCache } from '../../../client/engine/weights/memory-cache.ts';
import type { GenerateRequest } from '../../../shared/protocol.ts';
import type { RuleSettings } from '../../../shared/rules.ts';
import { EdgeServer } from './edge-server.ts';
import { tinyCatalogue, type TinyCatalogue } from './tiny-model.ts';

const SETTINGS: RuleSettings[] = [
  { axis: 'positions' },
  { direction: 'reverse' },
  { scope: 'half' },
  { scope: 'position' },
  { scope: 'half', axis: 'positions', direction: 'symmetric', loser: 0.5 },
  { loser: 0.5 },
  { loser: 0.5, every: 2 },
];

let edge: EdgeServer;
let catalogue: TinyCatalogue;
let cpu: Engine;
let wasm: Engine;

beforeAll(async () => {
  edge = await EdgeServer.start();
  const fixture = async (path: string) => new Uint8Array(await readFile(new URL(`../../fixtures/sd15-tiny/${path}`, import.meta.url)));
  catalogue = await tinyCatalogue(fixture, (bytes) => edge.add(bytes));
  const engineOn = async (backend: 'cpu' | 'wasm') => {
    const openBlobs = async () => new HttpBlobs({ edge: edge.origin, site: 'pk_test', cache: new MemoryCache() });
    const engine = new Engine({ openRuntime: openNodeRuntime, openBlobs });
    await engine.start({ backend });
    return engine;
  };
  cpu = await engineOn('cpu');
  wasm = await engineOn('wasm');
});
afterAll(async () => {
  await cpu.close();
  await wasm.close();
  await edge.stop();
});

/** The picture, and the graphs that a session was made for. */
async function generate(change: Partial<GenerateRequest>, engine = cpu): Promise<{ pixels: Uint8ClampedArray; sessions: string[] }> {
  const sessions: string[] = [];
  const request = {
    ...catalogue,
    prompt: 'a pip in knit',
    seed: 7,
    steps: 4,
    guidanceScale: 3,
    strengths: [1, 1] as const,
    rule: 'kl' as const,
  };
  const { image } = await engine.generate(
    { ...request, ...change },
    (event) => void (event.type === 'session' && sessions.push(event.graph)),
  );
  return { pixels: image.data, sessions };
}

/** Mean difference of the 8-bit values of two pictures. */
const difference = (a: Uint8ClampedArray, b: Uint8ClampedArray): number =>
  a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;

test.each(SETTINGS)('%o makes a picture of its own, the same on WebAssembly as on the CPU', async (ruleSettings) => {
  const [plain, set, compiled] = [await generate({}), await generate({ ruleSettings }), await generate({ ruleSettings }, wasm)];
  expect(difference(set.pixels, plain.pixels)).toBeGreaterThan(0.005);
  expect(difference(set.pixels, compiled.pixels)).toBeLessThan(0.005);
});

test.each([{ loser: 1 }, { loser: 1, every: 2 }, { loser: 1, scope: 'position' }] as const)(
  'nothing is lost with %o, which is `direct`',
  async (ruleSettings) => {
    const direct = await generate({ rule: 'direct' });
    expect(difference((await generate({ ruleSettings })).pixels, direct.pixels)).toBeLessThan(0.005);
  },
);

test('how much of the loser is kept is fed to the graph, what decides together is part of it', async () => {
  const fused = ['textEncoder', 'denoiser'];
  expect((await generate({ ruleSettings: { direction: 'reverse', scope: 'half' } })).sessions).toEqual(fused);
  expect((await generate({ ruleSettings: { direction: 'reverse', scope: 'half', loser: 0.3 } })).sessions).toEqual([]);
  expect((await generate({ ruleSettings: { direction: 'reverse', scope: 'position' } })).sessions).toEqual(fused);
});

test('settings that cannot go together are refused before anything is loaded, with the reason', async () => {
  const refused = generate({ ruleSettings: { scope: 'position', stride: 2 } });
  await expect(refused).rejects.toMatchObject({
    code: 'request_invalid',
    details: { field: 'ruleSettings.scope' },
    message: expect.stringContaining('set stride to 1 and axis to channels'),
  });
});
