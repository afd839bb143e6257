import { Tensor } from 'onnxruntime-node';
import { beforeAll, describe, expect, test } from 'vitest';
import { gradientName } from '../../../shared/autodiff/gradient.ts';
import { EMBEDDING, embeddingGraph } from '../../../shared/guidance/embedding-graph.ts';
import { GRAM_CHANNELS, gramProjection } from '../../../shared/guidance/gram.ts';
import { gramLayerOf } from '../../../shared/guidance/gram-layer.ts';
import { GUIDANCE, guidanceGraph, type Metric } from '../../../shared/guidance/guidance-graph.ts';
import type { Model } from '../../../shared/onnx/ir.ts';
import { raiseOpset } from '../../../shared/onnx/raise-opset.ts';
import { runModel } from '../onnx/run-model.ts';
import { clipOfDemo, clipOfFixture, dinoOfFixture, tinyDecoder } from './read-network.ts';

/** Numbers between -1 and 1 that repeat nowhere. */
const wave = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(12.9898 * (i + 1) * seed));
const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => sum(Array.from(a, (value, i) => value * b[i]!));
const cosine = (a: ArrayLike<number>, b: ArrayLike<number>): number => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));

const MEAN = [0.48, 0.46, 0.41];
const STD = [0.27, 0.26, 0.28];
const LATENT = [1, 4, 16, 16];
const x0 = wave(1024, 1);

/** A network's outputs for one input. */
async function run(model: Model, values: Float32Array, dims: readonly number[], more: Record<string, Tensor> = {}) {
  const outputs = await runModel(model, { [model.graph.inputs[0]!.name]: new Tensor('float32', values, dims), ...more });
  return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, Array.from(data, Number)]));
}

/** The element of a picture [3, from, from] at row and column of one of `to` rows, by bilinear interpolation between pixel centres. */
function sample(picture: readonly number[], from: number, to: number, channel: number, row: number, column: number): number {
  const at = (position: number) => {
    const centre = Math.min(Math.max(((position + 0.5) * from) / to - 0.5, 0), from - 1);
    const low = Math.floor(centre);
    return { low, high: Math.min(low + 1, from - 1), part: centre - low };
  };
  const [r, c] = [at(row), at(column)];
  const pixel = (y: number, x: number) => picture[(channel * from + y) * from + x]!;
  const line = (y: number) => pixel(y, c.low) * (1 - c.part) + pixel(y, c.high) * c.part;
  return line(r.low) * (1 - r.part) + line(r.high) * r.part;
}

/** Pixels as the encoder wants them, of what the tiny decoder (in [0, 1]) makes of x0. */
async function pixelsOf(size: number): Promise<Float32Array> {
  const { sample: picture } = await run(await tinyDecoder(), x0, LATENT);
  const from = Math.sqrt(picture!.length / 3);
  return Float32Array.from({ length: 3 * size * size }, (_, i) => {
    const [channel, row, column] = [Math.floor(i / size / size), Math.floor(i / size) % size, i % size];
    return (sample(picture!, from, size, channel, row, column) - MEAN[channel]!) / STD[channel]!;
  });
}

/** The encoder with one of its values among its outputs. */
const opened = (encoder: Model, layer: string): Model => ({
  ...encoder,
  graph: { ...encoder.graph, outputs: [...encoder.graph.outputs, { name: layer, type: encoder.graph.valueInfo.get(layer)! }] },
});

/** F^T F / positions of F [positions, channels], whose columns are projected first where they are many. */
function gramOf(feature: readonly number[], channels: number): number[] {
  const positions = feature.length / channels;
  const width = Math.min(channels, GRAM_CHANNELS);
  const P = gramProjection(channels);
  const few = Array.from({ length: positions }, (_, n) =>
    Array.from(
      { length: width },
      (__, k) =>
      channels === width ? feature[n * channels + k]! : sum(Array.from({ length: channels }, (___, c) => feature[n * channels + c]! * P[c * width + k]!)), // prettier-ignore
    ),
  );
  return Array.from({ length: width * width }, (_, i) => sum(few.map((row) => row[Math.floor(i / width)]! * row[i % width]!)) / positions);
}

describe.each([
  ['32 channels, all of them', clipOfFixture, 32, 32],
  ['96 channels, projected', clipOfDemo, 64, 96],
])('the Gram matrix of an early layer of %s', (_, read, size, channels) => {
  let encoder: Model;
  let layer: string;
  let metrics: Metric[];
  let guidance: Model;
  const feeds: Record<string, Tensor> = { [GUIDANCE.eta]: new Tensor('float32', Float32Array.of(0.5), [1]) };
  const weights = { clip: 1, gram: 0.7, 'clip-text': 0.3 };
  const references: Record<string, Float32Array> = {};

  beforeAll(async () => {
    encoder = await read();
    layer = gramLayerOf(encoder)!;
    const preprocessing = { height: size, width: size, mean: MEAN, std: STD };
    metrics = Object.keys(weights).map((name) => ({ name, encoder, preprocessing, gramLayer: name === 'gram' ? layer : undefined }));
    guidance = guidanceGraph({ model: await tinyDecoder(), inputScale: 1, range: 'zero to one' }, metrics);
    for (const name of Object.keys(weights) as (keyof typeof weights)[]) {
      const { dims } = guidance.graph.inputs.find((input) => input.name === GUIDANCE.reference(name))!.type;
      references[name] = wave(dims!.at(-1) as number, weights[name] + 2);
      feeds[GUIDANCE.reference(name)] = new Tensor('float32', references[name], dims as number[]);
      feeds[GUIDANCE.weight(name)] = new Tensor('float32', Float32Array.of(weights[name]), [1]);
    }
  });

  const run1 = (latent: Float32Array, model = guidance) => run(model, latent, LATENT, feeds);

  test('scores as computed apart from the encoder’s outputs; all scores are in one output as well', async () => {
    const outputs = await run(opened(encoder, layer), await pixelsOf(size), [1, 3, size, size]);
    const embedding = outputs[encoder.graph.outputs[0]!.name]!;
    const expected = [
      cosine(embedding, references['clip']!),
      cosine(gramOf(outputs[layer]!, channels), references['gram']!),
      cosine(embedding, references['clip-text']!),
    ];
    const actual = await run1(x0);
    for (const [k, { name }] of metrics.entries()) expect(actual[GUIDANCE.score(name)]![0], name).toBeCloseTo(expected[k]!, 4);
    expect(actual[GUIDANCE.scores]).toEqual(metrics.map(({ name }) => actual[GUIDANCE.score(name)]![0]));
  });

  test('each gradient is the central difference of its loss; g is the sum of each over its root mean square, by weight', async () => {
    const names = metrics.map(({ name }) => name);
    const gradients = names.map((name) => gradientName(GUIDANCE.x0, `grad.${name}`));
    const withGradients = {
      ...guidance,
      graph: {
        ...guidance.graph,
        outputs: [...guidance.graph.outputs, ...gradients.map((name) => ({ name, type: { dataType: 'float32' as const, dims: LATENT } }))],
      },
    };
    const found = await run1(x0, withGradients);
    const expected = Array<number>(1024).fill(0);
    for (const [k, name] of names.entries()) {
      const slope = found[gradients[k]!]!;
      const rms = Math.sqrt(dot(slope, slope) / 1024);
      // Along the gradient itself and a wave: a random direction alone is nearly across it, and drowns in rounding.
      const along = slope.map((value, i) => value / rms + Math.sin(i * 0.7));
      const at = async (step: number) => {
        const moved = await run1(x0.map((value, i) => value + step * along[i]!));
        return 1 - moved[GUIDANCE.score(name)]![0]!;
      };
      const step = 1e-3;
      const difference = ((await at(step)) - (await at(-step))) / (2 * step);
      const byGradient = dot(slope, along);
      expect(Math.abs(difference - byGradient) / Math.abs(difference), `${name}: ${byGradient} for ${difference}`).toBeLessThan(0.01);
      slope.forEach((value, i) => (expected[i]! += (weights[name as keyof typeof weights] * value) / rms));
    }
    expected.forEach((value, i) => {
      expect(found[GUIDANCE.direction]![i]).toBeCloseTo(value, 3);
      expect(found[GUIDANCE.guided]![i]).toBeCloseTo(x0[i]! - 0.5 * value, 3);
    });
  });

  test('a reference made of a picture by the embedding graph is that picture’s own: its score is 1', async () => {
    const { sample: picture } = await run(await tinyDecoder(), x0, LATENT);
    const side = Math.sqrt(picture!.length / 3);
    const graph = embeddingGraph(encoder, metrics[0]!.preprocessing, { width: side, height: side }, layer);
    const signed = Float32Array.from(picture!, (value) => 2 * value - 1);
    const { [EMBEDDING.embedding]: embedding } = await run(graph, signed, [1, 3, side, side]);
    expect(dot(embedding!, embedding!)).toBeCloseTo(1, 5);
    const own = new Tensor('float32', Float32Array.from(embedding!), [1, embedding!.length]);
    const { [GUIDANCE.score('gram')]: score } = await run(guidance, x0, LATENT, { ...feeds, [GUIDANCE.reference('gram')]: own });
    expect(score![0]).toBeCloseTo(1, 5);
  });

  test('metrics of one encoder share its forward pass; a Gram matrix alone needs only the layers before it', async () => {
    const decoder = { model: await tinyDecoder(), inputScale: 1, range: 'zero to one' as const };
    const forward = (chosen: Metric[]) =>
      guidanceGraph(decoder, chosen).graph.nodes.filter(({ name }) => /^encoder\.[^/]+\/(?!gram\/)/.test(name)).length;
    const [clip, gram] = metrics as [Metric, Metric];
    const once = forward([clip]);
    expect(once).toBeGreaterThan(20);
    expect(forward(metrics)).toBe(once);
    expect(forward([gram])).toBeLessThan(once / 2);
    // Another encoder, or the same one read again, has a pass of its own.
    expect(forward([clip, { ...gram, encoder: { ...encoder } }])).toBeGreaterThan(once);
    expect(forward([clip, { ...clip, name: 'dino', encoder: await dinoOfFixture(), preprocessing: SMALL }])).toBeGreaterThan(once);
  });
});

const SMALL = { height: 32, width: 32, mean: MEAN, std: STD };

// Decoders and encoders come from different exporters, and one graph has one operator set.
test.each([
  ['older', 16, 18, 21],
  ['newer', 21, 16, 18],
])('a decoder of an %s operator set than its encoders, which differ too, makes the same graph', async (_, decoderSet, dinoSet, clipSet) => {
  const networks = [await tinyDecoder(), await dinoOfFixture(), await clipOfFixture()] as const;
  const made = async (sets: readonly (number | undefined)[]) => {
    const [decoder, dino, clip] = networks.map((model, k) => raiseOpset(model, sets[k])) as [Model, Model, Model];
    const metrics = [
      { name: 'dino', encoder: dino, preprocessing: SMALL },
      { name: 'clip', encoder: clip, preprocessing: SMALL },
      { name: 'gram', encoder: clip, preprocessing: SMALL, gramLayer: gramLayerOf(clip) },
    ];
    const model = guidanceGraph({ model: decoder, inputScale: 1, range: 'zero to one' }, metrics);
    const feeds = Object.fromEntries(
      model.graph.inputs.slice(1).map(({ name, type }, k) => {
        const dims = type.dims as number[];
        return [name, new Tensor('float32', wave(dims.at(-1)!, k + 2), dims)];
      }),
    );
    return { opset: model.opsets.get(''), outputs: await run(model, x0, LATENT, feeds) };
  };
  const [mixed, alike] = [await made([decoderSet, dinoSet, clipSet]), await made([])];
  expect(mixed.opset).toBe(21);
  for (const name of [GUIDANCE.direction, GUIDANCE.scores])
    alike.outputs[name]!.forEach((value, i) => expect(mixed.outputs[name]![i], `${name}[${i}]`).toBeCloseTo(value, 4));
});
