/** Run by spawn-webgpu.ts: FOLDER/model.onnx on FOLDER/feeds.json, every node on WebGPU; prints the outputs as JSON. */
import { readFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const folder = process.argv[2]!;
const plain = JSON.parse(readFileSync(`${folder}/feeds.json`, 'utf8')) as Record<string, { data: number[]; dims: number[] }>;
const feeds = Object.fromEntries(
  Object.entries(plain).map(([name, { data, dims }]) => [name, new Tensor('float32', Float32Array.from(data), dims)]),
);
const session = await InferenceSession.create(`${folder}/model.onnx`, {
  executionProviders: ['webgpu'],
  logSeverityLevel: 3,
  extra: { session: { disable_cpu_ep_fallback: '1' } },
});
const outputs = await session.run(feeds);
const result = Object.entries(outputs).map(([name, { dims, type, data }]) => [
  name,
  { dims, type, data: Array.from(data as Float32Array) },
]);
await new Promise((done) => process.stdout.write(JSON.stringify(Object.fromEntries(result)), done));
await session.release();
