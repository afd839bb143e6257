import { type Remote, wrap } from 'comlink';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectEngine, type EngineConnection } from '../../../client/engine/connect.ts';
import type { EngineEvent, GenerateRequest, GenerateResult } from '../../../shared/protocol.ts';
import { tinyCatalogue, type TinyCatalogue } from '../../unit/engine/tiny-model.ts';
import { refOf } from './blob-ref.ts';
import type { opfsProbe } from './opfs-worker.ts';

/** Nothing listens there: whatever the worker needs is in its cache, or fails. */
const NOWHERE = 'http://127.0.0.1:9';

let probeWorker: Worker;
let engine: EngineConnection;
let catalogue: TinyCatalogue;
let request: GenerateRequest;

async function fixture(path: string): Promise<Uint8Array> {
  return new Uint8Array(await (await fetch(`/tests/fixtures/sd15-tiny/${path}`)).arrayBuffer());
}

beforeAll(async () => {
  probeWorker = new Worker(new URL('./opfs-worker.ts', import.meta.url), { type: 'module' });
  const probe: Remote<typeof opfsProbe> = wrap(probeWorker);
  await probe.clear();
  catalogue = await tinyCatalogue(fixture, async (bytes) => {
    const ref = await refOf(bytes.slice());
    await probe.put(ref, bytes.slice());
    return ref;
  });
  request = { ...catalogue, prompt: 'a pip in knit style', seed: 7, steps: 2, guidanceScale: 3, strengths: [1, 1], rule: 'kl' };
  const workerUrl = new URL('./engine-worker.ts', import.meta.url);
  engine = connectEngine({ workerUrl, site: 'pk_test', edge: NOWHERE, ortPath: `${location.origin}/node_modules/onnxruntime-web/dist/` });
});
afterAll(() => {
  engine?.terminate();
  probeWorker.terminate();
});

const difference = (a: GenerateResult, b: GenerateResult) =>
  a.image.data.reduce((sum, value, i) => sum + Math.abs(value - b.image.data[i]!), 0) / a.image.data.length;

test('the worker makes the same picture on WebGPU and on wasm, and cancels on both within a step', async () => {
  const pictures: GenerateResult[] = [];
  for (const backend of ['webgpu', 'wasm'] as const) {
    expect(await engine.start({ backend })).toMatchObject({ backend });
    const events: EngineEvent[] = [];
    const result = await engine.generate(request, (event) => void events.push(event));
    console.info(`${backend}: ${JSON.stringify(result.timings)}`);
    expect(result.timings).toMatchObject({ bytesDownloaded: 0, stepMs: [expect.any(Number), expect.any(Number)] });
    expect(events.filter((event) => event.type === 'step')).toHaveLength(2);
    pictures.push(result);

    let steps = 0;
    const cancelling = engine.generate({ ...request, steps: 50 }, (event) => {
      if (event.type !== 'step') return;
      steps += 1;
      void engine.cancel();
    });
    await expect(cancelling).rejects.toMatchObject({ code: 'cancelled' });
    expect(steps).toBeLessThanOrEqual(2);
  }
  const [gpu, wasm] = pictures as [GenerateResult, GenerateResult];
  console.info(`mean difference of the pictures: ${difference(gpu, wasm).toFixed(4)} of 255`);
  expect(difference(gpu, wasm)).toBeLessThan(2);
  expect(gpu.fusionMap.modules).toEqual(wasm.fusionMap.modules);
});

test('what is not cached is asked of the edge; one that cannot be reached is download_failed', async () => {
  const style = { ...catalogue.style, file: { sha256: 'ab'.repeat(32), bytes: 10 } };
  expect(await engine.missing([style.file, catalogue.style.file])).toEqual([style.file]);
  await expect(engine.generate({ ...request, style }, () => undefined)).rejects.toMatchObject({ code: 'download_failed' });
});
