import { afterAll, beforeAll, expect, test } from 'vitest';
import { Engine } from '../../../client/engine/engine.ts';
import { COMBINED, latentInput } from '../../../client/engine/latent-graph.ts';
import { openWebRuntime } from '../../../client/engine/sessions/web.ts';
import { GUIDED } from '../../../shared/fusion/guided.ts';
import { GUIDANCE } from '../../../shared/guidance/guidance-graph.ts';
import { tinyCatalogue, type TinyCatalogue } from '../../unit/engine/tiny-model.ts';
import { type Seen, WatchedRuntime } from '../../unit/engine/watched-runtime.ts';
import { refOf } from './blob-ref.ts';
import { fixture } from './fixture.ts';
import { type GpuTraffic, watchGpuTraffic } from './gpu-traffic.ts';

const ortPath = '/node_modules/onnxruntime-web/dist/';
const STEPS = 2;

let engine: Engine;
let catalogue: TinyCatalogue;
let runtime: WatchedRuntime;
let traffic: GpuTraffic;

beforeAll(async () => {
  const kept = new Map<string, Uint8Array<ArrayBuffer>>();
  catalogue = await tinyCatalogue(fixture, async (bytes) => {
    const ref = await refOf(bytes.slice());
    kept.set(ref.sha256, bytes.slice());
    return ref;
  });
  traffic = watchGpuTraffic();
  runtime = new WatchedRuntime(await openWebRuntime({ backend: 'webgpu', ortPath }));
  engine = new Engine({
    openRuntime: async () => runtime.watched(),
    openBlobs: async () => ({
      missing: async () => [],
      fetch: async (refs) => new Map(refs.map(({ sha256 }) => [sha256, kept.get(sha256)!])),
    }),
  });
});
afterAll(() => engine?.close());

test('a guided step leaves latents on the GPU from the denoiser to the update, and reads back its scores alone', async () => {
  // What passes between the last two steps. The rule measures nothing: one that does reads its distances as well.
  let steps = 0;
  let between: { seen: Seen[]; reads: number[]; traffic: GpuTraffic } | undefined;
  const { model } = catalogue;
  const request = {
    ...catalogue,
    prompt: 'a pip',
    seed: 7,
    steps: STEPS,
    guidanceScale: 3,
    strengths: [1, 1] as const,
    rule: 'direct' as const,
  };
  await engine.generate({ ...request, guidance: {} }, (event) => {
    if (event.type !== 'step') return;
    const since = {
      seen: runtime.seen.splice(0),
      reads: runtime.reads.splice(0),
      traffic: { down: traffic.down.splice(0), up: traffic.up.splice(0) },
    };
    if (++steps === STEPS) between = since;
  });
  const { channels, height, width } = model.latent;
  const dims = [1, channels, height, width];
  const latents = between!.seen.filter((tensor) => tensor.dims.join() === dims.join());
  expect(latents.map(({ value }) => value)).toEqual([
    GUIDED.x,
    GUIDED.x0,
    GUIDANCE.x0,
    GUIDANCE.guided,
    latentInput(0),
    latentInput(1),
    COMBINED,
  ]);
  expect(new Set(latents.map(({ location }) => location))).toEqual(new Set(['gpu-buffer']));
  // Two scores, eight bytes, in a buffer whose size is a multiple of 16.
  expect(between!.reads).toEqual([2]);
  expect(between!.traffic.down).toEqual([16]);
  // Coefficients, references and the shapes that shaders read; never a latent.
  const largest = Math.max(...between!.traffic.up);
  console.info(`${between!.traffic.up.length} writes to the GPU in a step, the largest of ${largest} bytes`);
  expect(largest).toBeLessThan(4 * channels * height * width);
});
