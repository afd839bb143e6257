import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LoadedGraph } from '../../../client/engine/loaded-graph.ts';
import type { Runtime, RuntimeTensor, SessionOptions } from '../../../client/engine/sessions/runtime.ts';
import { openWebRuntime } from '../../../client/engine/sessions/web.ts';
import { GUIDANCE, type GuidanceDecoder, guidanceGraph, type Metric } from '../../../shared/guidance/guidance-graph.ts';
import { gramLayerOf } from '../../../shared/guidance/gram-layer.ts';
import type { Model } from '../../../shared/onnx/ir.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { readModel } from '../../../shared/onnx/read.ts';
import { fixture } from './fixture.ts';

const ortPath = '/node_modules/onnxruntime-web/dist/';
const LATENT = [1, 4, 16, 16];
const PREPROCESSING = { height: 32, width: 32, mean: [0.48, 0.46, 0.41], std: [0.27, 0.26, 0.28] };

const wave = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(12.9898 * (i + 1) * seed));

async function part(folder: string, input: string, dims: number[]): Promise<Model> {
  return normalise(readModel(await fixture(`${folder}/model.onnx`), folder), { [input]: dims });
}

async function decoderOf(kind: 'tiny' | 'vae'): Promise<GuidanceDecoder> {
  const model = await part(`${kind}_decoder`, 'latent_sample', LATENT);
  return kind === 'vae' ? { model, inputScale: 1 / 0.18215, range: 'minus one to one' } : { model, inputScale: 1, range: 'zero to one' };
}

/** `clip-text` compares what `clip` does, with another reference. */
async function allMetrics(): Promise<Metric[]> {
  const dino = await part('image_encoder_dino', 'pixel_values', [1, 3, 32, 32]);
  const clip = await part('image_encoder_clip', 'pixel_values', [1, 3, 32, 32]);
  const seen = { encoder: clip, preprocessing: PREPROCESSING };
  return [
    { name: 'dino', encoder: dino, preprocessing: PREPROCESSING },
    { name: 'clip', ...seen },
    { name: 'gram', ...seen, gramLayer: gramLayerOf(clip) },
  ];
}

/** Every output of the guidance graph, on the host. */
async function run(runtime: Runtime, model: Model, session: Pick<SessionOptions, 'strict'> = {}): Promise<Map<string, Float32Array>> {
  const graph = await LoadedGraph.of(runtime, model, [], { name: 'guidance', modules: [], form: { applies: true }, session });
  const feeds: Record<string, RuntimeTensor> = {};
  for (const [k, { name, type }] of graph.inputs.entries()) {
    const dims = type.dims as number[];
    feeds[name] = runtime.upload(wave(dims.reduce((a, b) => a * b, 1), 1 + k / 7), dims); // prettier-ignore
  }
  const started = performance.now();
  const outputs = await graph.session.run(feeds);
  const read = new Map<string, Float32Array>();
  for (const { name } of graph.outputs) read.set(name, (await runtime.read(outputs[name]!)).slice());
  console.info(`${runtime.info.backend}: ${Math.round(performance.now() - started)} ms`);
  await graph.close();
  return read;
}

describe('the gradient graph on WebGPU', () => {
  let gpu: Runtime;
  let wasm: Runtime;

  beforeAll(async () => {
    gpu = await openWebRuntime({ backend: 'webgpu', ortPath });
    wasm = await openWebRuntime({ backend: 'wasm', ortPath });
  });
  afterAll(async () => {
    await gpu?.close();
    await wasm?.close();
  });

  // The graph through the full decoder makes its cheap values again, as it would at full size.
  test.each([
    ['tiny', Infinity],
    ['vae', 0],
  ] as const)('through the decoder %s has no node off the GPU, and is that of wasm', async (kind, recomputeAbove) => {
    const model = guidanceGraph(await decoderOf(kind), await allMetrics(), recomputeAbove);
    let placement: ReadonlyMap<string, number> = new Map();
    // A session with a verbose log logs every run too, so the placement is read from one of its own.
    const listening = {
      name: 'guidance',
      modules: [],
      form: { applies: true },
      session: { onPlacement: (seen: typeof placement) => (placement = seen) },
    } as const;
    await (await LoadedGraph.of(gpu, model, [], listening)).close();
    const { WebGpuExecutionProvider: nodes, ...elsewhere } = Object.fromEntries(placement);
    console.info(`${kind}: ${nodes} nodes on the GPU, elsewhere: ${JSON.stringify(elsewhere)}`);
    expect(nodes).toBeGreaterThan(500);
    expect(elsewhere).toEqual({});

    // Strict: the session is refused where a node would fall to the CPU.
    const actual = await run(gpu, model, { strict: true });
    const expected = await run(wasm, model);
    expect([...actual.keys()]).toEqual([...expected.keys()]);
    for (const [name, values] of expected) {
      const most = values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
      const error = values.reduce((max, value, i) => Math.max(max, Math.abs(value - actual.get(name)![i]!)), 0);
      if (name === GUIDANCE.direction) console.info(`${kind}: ${(error / most).toExponential(1)} of the gradient's largest`);
      expect(error / most, name).toBeLessThan(2e-3);
    }
  });
});
