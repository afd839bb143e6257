import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DeviceLatents } from '../../../client/engine/device-latents.ts';
import { openNodeRuntime } from '../../../client/engine/sessions/node.ts';
import type { Runtime } from '../../../client/engine/sessions/runtime.ts';
import { float32Tensor, makeNode, type Model } from '../../../shared/onnx/ir.ts';
import { writeModel } from '../../../shared/onnx/write.ts';

/** y = x + w, with w [4] in a file beside the model. */
function externalModel(): Model {
  const value = { name: 'x', type: { dataType: 'float32' as const, dims: [4] } };
  const w = { ...float32Tensor([4], []), data: { kind: 'external' as const, location: 'shard-0.bin', offset: 8, length: 16 } };
  const graph = {
    name: 'external',
    nodes: [makeNode('Add', '/add', ['x', 'w'], ['y'])],
    initializers: new Map([['w', w]]),
    inputs: [value],
    outputs: [{ ...value, name: 'y' }],
    valueInfo: new Map(),
  };
  return { irVersion: 8, producer: 'test', opsets: new Map([['', 16]]), metadata: new Map(), graph };
}

describe.each(['cpu', 'wasm'] as const)('onnxruntime in Node, backend %s', (backend) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await openNodeRuntime(backend);
  });
  afterAll(() => runtime.close());

  test('says what it is', () => {
    expect(runtime.info).toMatchObject({ backend, gpu: { vendor: '', architecture: '' } });
  });

  test('takes weights from the bytes of a shard', async () => {
    const shard = new Uint8Array(Float32Array.of(-1, -1, 10, 20, 30, 40).buffer);
    const session = await runtime.createSession(writeModel(externalModel()), [{ path: 'shard-0.bin', data: shard }]);
    const outputs = await session.run({ x: runtime.host(Float32Array.of(1, 2, 3, 4), [4]) });
    expect(await runtime.read(outputs['y']!)).toEqual(Float32Array.of(11, 22, 33, 44));
    await session.release();
  });

  test('a missing shard rejects with session_failed', async () => {
    await expect(runtime.createSession(writeModel(externalModel()), [])).rejects.toMatchObject({ code: 'session_failed' });
  });

  test('combines one to four latents', async () => {
    const latents = new DeviceLatents(runtime, [1, 2, 2, 2]);
    const uploaded = [1, 10, 100, 1000].map((scale) => latents.upload(Float32Array.from({ length: 8 }, (_, i) => scale * (i + 1))));
    const coefficients = [2, -1, 0.5, 0.25];
    for (let terms = 1; terms <= 4; terms++) {
      const sum = await latents.combine(uploaded.slice(0, terms).map((latent, k) => [coefficients[k]!, latent] as const));
      const slope = [2, -10, 50, 250].slice(0, terms).reduce((total, value) => total + value, 0);
      expect(await runtime.read(sum)).toEqual(Float32Array.from({ length: 8 }, (_, i) => slope * (i + 1)));
    }
    expect(latents.live).toBe(8);
    await latents.close();
    expect(latents.live).toBe(0);
  });
});
