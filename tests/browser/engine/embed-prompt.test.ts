import { expect, test } from 'vitest';
import { embedPrompt } from '../../../client/engine/embed-reference.ts';
import { openWebRuntime } from '../../../client/engine/sessions/web.ts';
import type { BlobRef, TextTowerEntry } from '../../../shared/manifest.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { readModel } from '../../../shared/onnx/read.ts';
import { clipTokenizerJson } from '../../../shared/text/tokenizer-json.ts';
import { graphEntry } from '../../unit/engine/tiny-model.ts';
import { refOf } from './blob-ref.ts';

const ortPath = '/node_modules/onnxruntime-web/dist/';
const TOKENS = 16;
const SPECIAL = { start: '<|startoftext|>', end: '<|endoftext|>', unknown: '<|endoftext|>' };

test('the text tower of the demo’s CLIP embeds a prompt on WebGPU as on wasm, another prompt elsewhere', async () => {
  const kept = new Map<string, Uint8Array>();
  const add = async (bytes: Uint8Array): Promise<BlobRef> => {
    const ref = await refOf(bytes.slice());
    kept.set(ref.sha256, bytes);
    return ref;
  };
  const demo = (path: string) => fetch(`/models-manifest/demo/${path}`);
  const file = new Uint8Array(await (await demo('text_encoder_clip/model.onnx')).arrayBuffer());
  const model = normalise(readModel(file, 'tower'), { input_ids: [1, TOKENS] });
  const vocab = (await (await demo('tokenizer/vocab.json')).json()) as Record<string, number>;
  const merges = await (await demo('tokenizer/merges.txt')).text();
  const tokenizer = await add(new TextEncoder().encode(JSON.stringify(clipTokenizerJson({ vocab, merges, special: SPECIAL }))));
  const [startId, endId] = [vocab[SPECIAL.start]!, vocab[SPECIAL.end]!];
  const text = { maxLength: TOKENS, startId, endId, padId: endId, tokenizer };
  const tower: TextTowerEntry = { graph: await graphEntry(model, add), text };
  const embeddings: Float32Array[] = [];
  for (const [backend, prompt] of [
    ['wasm', 'a cat in neon style'],
    ['webgpu', 'a cat in neon style'],
    ['webgpu', 'a fish'],
  ] as const) {
    const runtime = await openWebRuntime({ backend, ortPath });
    embeddings.push(await embedPrompt(runtime, tower, prompt, kept));
    await runtime.close();
  }
  const [wasm, gpu, other] = embeddings as [Float32Array, Float32Array, Float32Array];
  expect(wasm.length).toBe(64);
  const distance = (a: Float32Array, b: Float32Array) => Math.hypot(...a.map((value, i) => value - b[i]!)) / Math.hypot(...b);
  expect(distance(gpu, wasm)).toBeLessThan(2e-3);
  expect(distance(other, gpu)).toBeGreaterThan(0.1);
});
