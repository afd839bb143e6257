import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { gradient, gradientName } from '../../../shared/autodiff/gradient.ts';
import { plannedPeak } from '../../../shared/autodiff/planned-peak.ts';
import { runtimeOrder } from '../../../shared/autodiff/runtime-order.ts';
import { float32Tensor, type Model } from '../../../shared/onnx/ir.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { readModel } from '../../../shared/onnx/read.ts';
import { validateModel } from '../../../shared/onnx/validate.ts';
import { writeModel } from '../../../shared/onnx/write.ts';
import { feedsFor, FIXTURE_DIMS, largestDifference, type Output } from '../onnx/run-model.ts';
import { tinyDecoder, vaeDecoder } from './full-size-decoders.ts';

const FIXTURES = new URL('../../fixtures/', import.meta.url);

/** Smooth weights that keep activations near 1: scales of normalisations [C, 1, 1] near 1, kernels and matrices by their fan-in. */
function weight(dims: number[]) {
  const count = dims.reduce((a, b) => a * b, 1);
  const spread = dims.length === 4 || dims.length === 2 ? Math.sqrt((2 * dims[0]!) / count) : 0.3;
  return float32Tensor(dims, Float32Array.from({ length: count }, (_, i) => spread * Math.sin(12.9898 * (i + 1)) + (dims.length === 3 ? 1 : 0))); // prettier-ignore
}

interface Case {
  model: Model;
  loss: string;
  input: string;
}

const decoder = (model: Model): Case => ({ model, loss: 'loss/sum', input: 'latent' });
const smallVae = () => decoder(vaeDecoder({ latent: 8, width: 8, groups: 4, weight }));
const smallTiny = () => decoder(tinyDecoder({ latent: 8, width: 8, weight }));

async function fixture(name: string): Promise<Case> {
  const file = new URL(`${name}/model.onnx`, FIXTURES);
  const model = normalise(readModel(await readFile(file), name), FIXTURE_DIMS[name]!);
  return { model, loss: model.graph.outputs[0]!.name, input: model.graph.inputs[0]!.name };
}

const CASES: [name: string, load: () => Case | Promise<Case>, smaller: boolean][] = [
  ['a VAE decoder of full depth', smallVae, true],
  ['a tiny decoder of full depth', smallTiny, false],
  ...['vae_decoder', 'image_encoder_clip', 'image_encoder_dino', 'unet'].map((part): (typeof CASES)[number] => [
    `sd15-tiny/${part}`,
    () => fixture(`sd15-tiny/${part}`),
    true,
  ]),
  ['sd3-tiny/transformer', () => fixture('sd3-tiny/transformer'), true],
];

const differentiate = ({ model, loss, input }: Case, recompute: boolean) => gradient(model, { loss, inputs: [input], recompute });
const dimsOf = (model: Model) => Object.fromEntries(model.graph.inputs.map(({ name, type }) => [name, type.dims as number[]]));

interface Run {
  outputs: Record<string, Output>;
  /** Names of the nodes, in the order in which they ran. */
  nodes: string[];
}

/** One run of the runtime, watched by its own profiler. */
async function watched(model: Model, level: 'disabled' | 'all'): Promise<Run> {
  const folder = await mkdtemp(path.join(tmpdir(), 'diptych-recompute-'));
  try {
    const session = await InferenceSession.create(writeModel(model), {
      graphOptimizationLevel: level,
      enableProfiling: true,
      profileFilePrefix: path.join(folder, 'run'),
      logSeverityLevel: 3,
    });
    const outputs = (await session.run(feedsFor(model, dimsOf(model)))) as unknown as Record<string, Output>;
    session.endProfiling();
    await session.release();
    const [file] = await readdir(folder);
    const events = JSON.parse(await readFile(path.join(folder, file!), 'utf8')) as { cat: string; name: string; ts: number }[];
    const kernels = events.filter(({ cat, name }) => cat === 'Node' && name.endsWith('_kernel_time')).toSorted((a, b) => a.ts - b.ts);
    return { outputs, nodes: kernels.map(({ name }) => name.slice(0, -'_kernel_time'.length)) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('recomputing', () => {
  it.each(CASES)('%s: the same gradient, from a valid graph, in no more memory', async (_, load, smaller) => {
    const testCase = await load();
    const [kept, again] = [differentiate(testCase, false), differentiate(testCase, true)];
    validateModel(again);
    const [expected, actual] = [await watched(kept, 'all'), await watched(again, 'all')];
    const name = gradientName(testCase.input);
    const largest = Array.from(expected.outputs[name]!.data, Number).reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    expect(largest).toBeGreaterThan(0);
    expect(largestDifference(actual.outputs[name]!, expected.outputs[name]!) / largest).toBeLessThan(1e-5);
    const [before, after] = [plannedPeak(kept.graph).bytes, plannedPeak(again.graph).bytes];
    expect(after / before, `${after} of ${before} bytes`).toBeLessThanOrEqual(smaller ? 0.95 : 1);
  });

  it('halves the planned peak of a VAE decoder, and what runs in the order of the runtime', () => {
    const [kept, again] = [differentiate(smallVae(), false).graph, differentiate(smallVae(), true).graph];
    const peaks = [kept, again].map((graph) => [plannedPeak(graph).bytes, plannedPeak({ ...graph, nodes: runtimeOrder(graph) }).bytes]);
    const [[before, beforeThere], [after, afterThere]] = peaks as [[number, number], [number, number]];
    expect(after / before, `${after} of ${before} bytes`).toBeLessThan(0.5);
    expect(afterThere / beforeThere, `${afterThere} of ${beforeThere} bytes`).toBeLessThan(0.5);
  });

  it('does not depend on the order in which the runtime takes the nodes: planned in its own order, the peak is nearly the same', () => {
    const { graph } = differentiate(decoder(vaeDecoder()), true);
    const there = plannedPeak({ ...graph, nodes: runtimeOrder(graph) }).bytes;
    expect(there / plannedPeak(graph).bytes).toBeLessThan(1.1);
  });

  it.each([false, true])('onnxruntime runs the nodes in the order that is planned with (recomputing: %s)', async (again) => {
    const model = differentiate(smallVae(), again);
    expect((await watched(model, 'disabled')).nodes).toEqual(runtimeOrder(model.graph).map(({ name }) => name));
  });

  it('is not undone by onnxruntime, which merges common subexpressions: every copy runs', async () => {
    const model = differentiate(smallVae(), true);
    const copies = (names: string[]) => names.filter((name) => /Sigmoid\/grad\.again/.test(name)).toSorted();
    const planned = copies(model.graph.nodes.map(({ name }) => name));
    // Two a resnet (2 in the middle, 12 on the way up), one at the end.
    expect(planned).toHaveLength(29);
    expect(copies((await watched(model, 'all')).nodes)).toEqual(planned);
  });

  it('gradients of two losses of one graph do not share names', () => {
    const testCase = smallVae();
    const one = gradient(testCase.model, { loss: testCase.loss, inputs: [testCase.input], recompute: true, prefix: 'first' });
    const two = gradient(one, { loss: testCase.loss, inputs: [testCase.input], recompute: true, prefix: 'second' });
    validateModel(two);
    expect(two.graph.outputs.map(({ name }) => name)).toEqual(['loss/sum', 'first.latent', 'second.latent']);
  });
});
