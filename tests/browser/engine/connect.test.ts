import { afterEach, expect, test } from 'vitest';
import { connectEngine, type EngineConnection } from '../../../client/engine/connect.ts';
import { DiptychError } from '../../../shared/errors.ts';
import type { GenerateRequest } from '../../../shared/protocol.ts';

const config = { site: 'pk_test', edge: location.origin, ortPath: '/node_modules/onnxruntime-web/dist/' };
const REQUEST = {} as GenerateRequest;
let engine: EngineConnection;

afterEach(() => engine.terminate());

const dying = () => connectEngine({ workerUrl: new URL('./dying-worker.ts', import.meta.url), ...config });

test('a worker that dies in the middle of a call rejects it, and every later one, with engine_died', async () => {
  engine = dying();
  await expect(engine.generate(REQUEST, () => undefined)).rejects.toMatchObject({
    code: 'engine_died',
    message: expect.stringContaining('out of memory'),
  });
  await expect(engine.missing([])).rejects.toMatchObject({ code: 'engine_died' });
});

test('a worker whose script does not load rejects with engine_died', async () => {
  engine = connectEngine({ workerUrl: '/no/such/worker.js', ...config });
  await expect(engine.start({ backend: 'auto' })).rejects.toMatchObject({ code: 'engine_died' });
});

test('terminating rejects the call in progress', async () => {
  engine = dying();
  const call = engine.generate(REQUEST, () => undefined);
  engine.terminate();
  await expect(call).rejects.toMatchObject({ code: 'engine_died' });
});

test('errors keep class, code, message and details on their way', async () => {
  engine = dying();
  const error = await engine.start({ backend: 'webgpu' }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(DiptychError);
  expect(error).toMatchObject({ code: 'webgpu_unavailable', message: 'no adapter here', details: { tried: ['high-performance', 2] } });
  await expect(engine.missing([])).rejects.toMatchObject({ code: 'internal', message: 'not one of ours' });
});
