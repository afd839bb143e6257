import { afterAll, beforeAll, expect, test } from 'vitest';
import { DeviceLatents } from '../../../client/engine/device-latents.ts';
import { latentGraph } from '../../../client/engine/latent-graph.ts';
import type { Runtime } from '../../../client/engine/sessions/runtime.ts';
import { openWebRuntime } from '../../../client/engine/sessions/web.ts';
import { writeModel } from '../../../shared/onnx/write.ts';

const ortPath = '/node_modules/onnxruntime-web/dist/';
let runtime: Runtime;

beforeAll(async () => {
  runtime = await openWebRuntime({ backend: 'auto', ortPath });
});
afterAll(() => runtime.close());

test('auto is WebGPU where there is an adapter, and says which', () => {
  expect(runtime.info.backend).toBe('webgpu');
  expect(runtime.info.gpu.architecture).toBe('swiftshader');
  expect(runtime.info.note).toContain('swiftshader');
});

test('a tensor uploaded to the GPU comes back, an empty one too', async () => {
  const values = Float32Array.from({ length: 7 }, Math.sqrt);
  const tensor = runtime.upload(values, [7]);
  expect(tensor.location).toBe('gpu-buffer');
  expect(await runtime.read(tensor)).toEqual(values);
  const empty = runtime.upload(new Float32Array(), [8, 0]);
  expect(await runtime.read(empty)).toEqual(new Float32Array());
  runtime.release(tensor);
  runtime.release(empty);
});

test('combines latents without leaving the GPU', async () => {
  const latents = new DeviceLatents(runtime, [1, 2, 3, 3]);
  const values = [1, 2, 3].map((k) => Float32Array.from({ length: 18 }, (_, i) => Math.sin(k * i)));
  const uploaded = values.map((v) => latents.upload(v));
  const coefficients = [0.5, -2, 3.25];
  const sum = await latents.combine(uploaded.map((latent, k) => [coefficients[k]!, latent] as const));
  expect(sum.location).toBe('gpu-buffer');
  const twice = await latents.combine([[2, sum]]);
  const actual = await runtime.read(twice);
  const expected = values[0]!.map((_, i) => 2 * values.reduce((total, v, k) => total + coefficients[k]! * v[i]!, 0));
  for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, 5);
  expect(latents.live).toBe(5);
  await latents.close();
  expect(latents.live).toBe(0);
});

test('counts where onnxruntime placed the nodes', async () => {
  let placement: ReadonlyMap<string, number> = new Map();
  const session = await runtime.createSession(writeModel(latentGraph(3, [4])), [], { onPlacement: (seen) => (placement = seen) });
  // Five nodes, and a copy to the device for each of the six inputs and back for the output.
  expect(placement.get('CPUExecutionProvider')).toBeUndefined();
  expect(placement.get('WebGpuExecutionProvider')).toBeGreaterThanOrEqual(5);
  await session.release();
});

test('sessions asked for at once are made one after another', async () => {
  const graph = writeModel(latentGraph(2, [4]));
  const sessions = await Promise.all([1, 2, 3].map(() => runtime.createSession(graph, [])));
  for (const session of sessions) {
    const feeds = Object.fromEntries(['x0', 'x1'].map((name) => [name, runtime.host(Float32Array.of(1, 2, 3, 4), [4])]));
    const outputs = await session.run({ ...feeds, c0: runtime.host(Float32Array.of(1), [1]), c1: runtime.host(Float32Array.of(2), [1]) });
    expect(await runtime.read(outputs['y']!)).toEqual(Float32Array.of(3, 6, 9, 12));
  }
  for (const session of sessions) await session.release();
});

test('a model that is none rejects with session_failed, and the next session works', async () => {
  await expect(runtime.createSession(Uint8Array.of(1, 2, 3), [])).rejects.toMatchObject({ code: 'session_failed' });
  const session = await runtime.createSession(writeModel(latentGraph(1, [4])), []);
  await expect(session.run({})).rejects.toMatchObject({ code: 'session_failed' });
  await session.release();
});
