import { expect, it } from 'vitest';
import { float32Tensor, makeNode } from '../../../shared/onnx/ir.ts';
import { fromFloat16 } from '../../../shared/onnx/float16.ts';
import { halveWeights } from '../../../shared/onnx/halve-weights.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { validateModel } from '../../../shared/onnx/validate.ts';
import { makeModel } from './build-model.ts';
import { fixtureModel } from './fixture-models.ts';
import { FIXTURE_DIMS, feedsFor, largestDifference, runModel } from './run-model.ts';

const values = (count: number, first: number) =>
  float32Tensor(
    [count],
    Float32Array.from({ length: count }, (_, i) => (i ? 1 / (i + 1) : first)),
  );

const model = makeModel({
  inputs: [{ name: 'x', type: { dataType: 'float32', dims: [1024] } }],
  outputs: [{ name: 'y', type: { dataType: 'float32', dims: [1024] } }],
  initializers: new Map([
    ['large', values(1024, 65519)],
    ['beyond', values(1024, 65520)],
    ['small', values(1, 1)],
  ]),
  nodes: [
    makeNode('Add', '/a', ['x', 'large'], ['a']),
    makeNode('Add', '/b', ['a', 'beyond'], ['b']),
    makeNode('Add', '/c', ['b', 'small'], ['c']),
    makeNode('Mul', '/d', ['c', 'large'], ['y']),
  ],
});

it('stores large weights as float16 behind one Cast each', () => {
  const { graph } = halveWeights(model);
  expect(Array.from(graph.initializers, ([name, tensor]) => [name, tensor.dataType])).toEqual([
    ['large', 'float16'],
    ['beyond', 'float32'],
    ['small', 'float32'],
  ]);
  const casts = graph.nodes.filter((node) => node.opType === 'Cast');
  expect(casts).toHaveLength(1);
  expect(casts[0]).toMatchObject({ name: 'large/Cast', inputs: ['large'] });
  const readers = graph.nodes.filter((node) => node.inputs.includes(casts[0]!.outputs[0]!));
  expect(readers.map((node) => node.name)).toEqual(['/a', '/d']);
});

it('rounds to nearest and leaves its argument alone', () => {
  const { bytes } = halveWeights(model).graph.initializers.get('large')!.data as { bytes: Uint8Array };
  expect(fromFloat16(new Uint16Array(bytes.buffer)).slice(0, 4)).toEqual(Float32Array.of(65504, 0.5, 0.333251953125, 0.25));
  expect(model.graph.initializers.get('large')!.dataType).toBe('float32');
});

it('keeps to an eleven-bit mantissa on a real decoder, and survives normalising again', async () => {
  const name = 'sd15-tiny/vae_decoder';
  const whole = normalise(fixtureModel(name), FIXTURE_DIMS[name]!);
  const halved = halveWeights(whole);
  validateModel(halved);
  const casts = halved.graph.nodes.filter((node) => node.name.endsWith('/Cast') && node.opType === 'Cast');
  expect(casts.length).toBeGreaterThan(10);
  expect(normalise(halved, {}).graph.nodes).toHaveLength(halved.graph.nodes.length);
  const feeds = feedsFor(whole, FIXTURE_DIMS[name]!);
  const difference = largestDifference((await runModel(halved, feeds)).sample!, (await runModel(whole, feeds)).sample!);
  expect(difference).toBeGreaterThan(0);
  expect(difference).toBeLessThan(5e-3);
});
