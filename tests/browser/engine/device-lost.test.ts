import { expect, test } from 'vitest';
import { latentGraph } from '../../../client/engine/latent-graph.ts';
import type { Runtime, Session } from '../../../client/engine/sessions/runtime.ts';
import { openWebRuntime } from '../../../client/engine/sessions/web.ts';
import { writeModel } from '../../../shared/onnx/write.ts';

const open = () => openWebRuntime({ backend: 'webgpu', ortPath: '/node_modules/onnxruntime-web/dist/' });
const double = (runtime: Runtime, session: Session) =>
  session.run({ x0: runtime.upload(Float32Array.of(1, 2, 3, 4), [4]), c0: runtime.host(Float32Array.of(2), [1]) });

test('a lost device rejects what runs on it, and a new runtime works', async () => {
  const first = await open();
  const session = await first.createSession(writeModel(latentGraph(1, [4])), []);
  const { y } = await double(first, session);
  expect(await first.read(y!)).toEqual(Float32Array.of(2, 4, 6, 8));

  const ort = await import('onnxruntime-web/jspi');
  const device = (await ort.env.webgpu.device) as GPUDevice;
  device.destroy();
  await device.lost;
  await expect.poll(() => first.lost?.code).toBe('session_failed');
  await expect(session.run({})).rejects.toMatchObject({ code: 'session_failed', message: expect.stringContaining('lost') });
  await session.release();
  await first.close();

  const second = await open();
  expect(second.lost).toBeUndefined();
  const again = await second.createSession(writeModel(latentGraph(1, [4])), []);
  expect(await second.read((await double(second, again))['y']!)).toEqual(Float32Array.of(2, 4, 6, 8));
  await again.release();
  await second.close();
});
