import * as v from 'valibot';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LoadedGraph } from '../../../client/engine/loaded-graph.ts';
import { openWebRuntime } from '../../../client/engine/sessions/web.ts';
import type { Runtime } from '../../../client/engine/sessions/runtime.ts';
import { FusionRun } from '../../../client/engine/fusion-run.ts';
import type { LoraPair } from '../../../shared/fusion/factors.ts';
import { RULE_OF } from '../../../shared/fusion/rules/rules.ts';
import { findSites } from '../../../shared/fusion/sites.ts';
import { readLora } from '../../../shared/lora/read.ts';
import { readSafetensors, toFloat32 } from '../../../shared/lora/safetensors.ts';
import { RuleSettings } from '../../../shared/rules.ts';
import { floatTimestep } from '../../../shared/onnx/float-timestep.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { readModel } from '../../../shared/onnx/read.ts';

const FIXTURE = '/tests/fixtures/sd15-tiny';
/** A KL is a difference of numbers near 1: of a LoRA that a layer lacks, float32 leaves this much instead of 0. */
const ROUNDING = 1e-6;
const ortPath = '/node_modules/onnxruntime-web/dist/';

async function fixture(path: string): Promise<Uint8Array> {
  const response = await fetch(`${FIXTURE}/${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

interface GoldenLayer {
  kl: [number, number];
  gates: [number, number];
}

let runtime: Runtime;
let unet: LoadedGraph;
let placement: ReadonlyMap<string, number> = new Map();
let golden: (name: string) => Float32Array;
let pair: LoraPair;

beforeAll(async () => {
  runtime = await openWebRuntime({ backend: 'webgpu', ortPath });
  const tensors = readSafetensors(await fixture('golden.safetensors'), 'golden.safetensors').tensors;
  golden = (name) => toFloat32(tensors.get(name)!, name, 'golden.safetensors');
  const layersOf = async (path: string) => findSites(readModel(await fixture(path), path).graph).map((site) => site.layer);
  const base = { denoiser: await layersOf('unet/model.onnx'), textEncoder: await layersOf('text_encoder/model.onnx') };
  const read = async (file: string) => readLora(await fixture(`lora/${file}`), base, file).denoiser;
  pair = { subject: await read('subject.kohya.safetensors'), style: await read('style.peft.safetensors'), strengths: [1, 1] };
  const dims = { sample: [2, 4, 16, 16], timestep: [1], encoder_hidden_states: [2, 16, 32] };
  const model = floatTimestep(normalise(readModel(await fixture('unet/model.onnx'), 'unet'), dims));
  const modules = [...new Set([...pair.subject, ...pair.style].map((layer) => layer.module))];
  const form = { measures: 'kl', applies: true } as const;
  // A session with a verbose log logs every run too, so the placement is read from one of its own.
  const listening = { name: 'unet', modules, form, session: { onPlacement: (seen: typeof placement) => (placement = seen) } };
  await (await LoadedGraph.of(runtime, model, [], listening)).close();
  unet = await LoadedGraph.of(runtime, model, [], { name: 'unet', modules, form, session: { strict: true } });
});
afterAll(async () => {
  await unet?.close();
  await runtime?.close();
});

test('every node of the fused denoiser runs on the GPU', () => {
  const { WebGpuExecutionProvider: gpu, ...elsewhere } = Object.fromEntries(placement);
  console.info(`${gpu} nodes on the GPU, elsewhere: ${JSON.stringify(elsewhere)}`);
  expect(gpu).toBeGreaterThan(unet.layers.length * 10);
  expect(elsewhere).toEqual({});
});

test('eps.kl and its choices are the golden ones, and so is eps.direct by the same session', async () => {
  const { layers } = JSON.parse(new TextDecoder().decode(await fixture('golden.json'))) as { layers: { kl: Record<string, GoldenLayer> } };
  expect(unet.layers.map((layer) => layer.module).toSorted()).toEqual(Object.keys(layers.kl).toSorted());

  const { fusion, error } = await predict('kl', 'eps.kl');
  console.info(`eps.kl on ${runtime.info.note} max abs error ${error.toExponential(2)}`);
  expect(error).toBeLessThan(2e-3);
  const { modules, distances, choice } = fusion.map();
  const wrong = modules.flatMap((module, row) => differences(module, layers.kl[module]!, distances.subarray(row * 2), choice[row]!));
  expect(wrong).toEqual([]);

  expect((await predict('direct', 'eps.direct')).error).toBeLessThan(2e-3);
});

/** One prediction under `rule`, and its largest difference from the golden of this name. */
async function predict(rule: 'kl' | 'direct', name: string): Promise<{ fusion: FusionRun; error: number }> {
  const modules = unet.layers.map((layer) => layer.module);
  const settings = v.parse(RuleSettings, {});
  const fusion = new FusionRun(unet, RULE_OF[rule]({ component: 'denoiser', pair, modules, steps: 1, settings }), 1);
  const latent = golden('latent');
  const [pass] = fusion.passes();
  const outputs = await unet.session.run({
    sample: runtime.host(Float32Array.of(...latent, ...latent), [2, 4, 16, 16]),
    timestep: runtime.host(Float32Array.of(401), [1]),
    encoder_hidden_states: runtime.host(golden('encoder_hidden_states'), [2, 16, 32]),
    ...pass!.feeds,
  });
  await fusion.observe(pass!, outputs);
  fusion.endStep();
  const actual = await runtime.read(outputs['out_sample']!);
  return { fusion, error: golden(name).reduce((max, value, i) => Math.max(max, Math.abs(value - actual[i]!)), 0) };
}

/** What of a layer is not golden: a KL beyond 1e-3 of itself, or a choice where the two KLs are not a tie. */
function differences(module: string, golden: GoldenLayer, kl: Float32Array, choice: number): string[] {
  const [subject, style] = golden.kl;
  const tie = Math.abs(subject - style) <= 1e-4 * Math.max(subject, style);
  const off = golden.kl.some((value, k) => Math.abs(value - kl[k]!) > 1e-3 * value + ROUNDING);
  const otherChoice = !tie && golden.gates[choice] !== 1;
  return off || otherChoice ? [`${module}: KL ${kl[0]}, ${kl[1]} for ${subject}, ${style}; choice ${choice}`] : [];
}
