import { describe, expect, test } from 'vitest';
import { gramFeature, gramLayerOf } from '../../../shared/guidance/gram-layer.ts';
import { float32Tensor, makeNode, type Model, type Node, type Tensor } from '../../../shared/onnx/ir.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { makeModel } from '../onnx/build-model.ts';
import { clipOfDemo, clipOfFixture } from './read-network.ts';

const weights = new Map<string, Tensor>([
  ['w', float32Tensor([8, 8], Array<number>(64).fill(0.1))],
  ['k', float32Tensor([8, 8, 1, 1], Array<number>(64).fill(0.1))],
]);

function network(dims: number[], nodes: Node[]): Model {
  const output = nodes.at(-1)!.outputs[0]!;
  return normalise(
    makeModel({
      nodes,
      initializers: weights,
      inputs: [{ name: 'x', type: { dataType: 'float32', dims } }],
      outputs: [{ name: output, type: { dataType: 'float32' } }],
    }),
    {},
  );
}

const node = (opType: string, inputs: string[], output: string) => makeNode(opType, output, inputs, [output]);
const product = (from: string, to: string) => node('MatMul', [from, 'w'], to);
const convolution = (from: string, to: string) => node('Conv', [from, 'k'], to);
const mean = (from: string) => node('GlobalAveragePool', [from], 'embedding');

describe('chooses the sum that ends the first quarter of residual branches', () => {
  test('of a vision transformer as exported', async () => {
    const demo = await clipOfDemo();
    expect(gramLayerOf(demo)).toBe('/encoder/layers.0/Add_1_output_0');
    expect(gramFeature(demo, gramLayerOf(demo)!)).toEqual({ positions: 65, channels: 96, channelsLast: true });
    // Two layers have four branches, so that the first is a quarter.
    expect(gramLayerOf(await clipOfFixture())).toBe('/encoder/layers.0/Add_output_0');
  });

  test('of a convolutional network, whose shortcuts of another shape are no residual', () => {
    const blocks = ['a', 'b', 'c', 'd', 'e'].flatMap((name, at, all) => {
      const from = at === 0 ? 'down' : all[at - 1]!;
      return [convolution(from, `${name}.conv`), node('Relu', [`${name}.conv`], `${name}.relu`), node('Add', [`${name}.relu`, from], name)];
    });
    const down = [convolution('x', 'p'), convolution('x', 'q'), node('Add', ['p', 'q'], 'down')];
    const model = network([1, 8, 6, 6], [...down, ...blocks, mean('e')]);
    expect(gramLayerOf(model)).toBe('b');
    expect(gramFeature(model, 'b')).toEqual({ positions: 36, channels: 8, channelsLast: false });
  });

  test('not a sum within an activation, which has no weights', () => {
    const gelu = [node('Mul', ['h', 'h'], 'square'), node('Mul', ['square', 'h'], 'cube'), node('Add', ['h', 'cube'], 'inner')];
    const model = network(
      [1, 5, 8],
      [product('x', 'h'), ...gelu, product('inner', 'out'), node('Add', ['x', 'out'], 'block'), node('Relu', ['block'], 'y')],
    );
    expect(gramLayerOf(model)).toBe('block');
  });
});

test('without residual branches, the first quarter of convolutions and products', () => {
  const layers = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name, at, all) => convolution(all[at - 1] ?? 'x', name));
  expect(gramLayerOf(network([1, 8, 6, 6], [...layers, mean('h')]))).toBe('b');
});

test('a network that sees no positions has none', () => {
  expect(gramLayerOf(network([1, 8], [product('x', 'y')]))).toBeUndefined();
});

test('height and width tell where the channels are', () => {
  const last = network([1, 6, 6, 8], [product('x', 'a'), product('a', 'b')]);
  expect(gramFeature(last, 'a')).toEqual({ positions: 36, channels: 8, channelsLast: true });
});

test.each([
  ['nowhere', 'is not a value of known shape'],
  ['pooled', 'has no positions to sum over'],
])('refuses the layer %s', (layer, reason) => {
  const model = network([1, 8, 6, 6], [convolution('x', 'a'), node('GlobalAveragePool', ['a'], 'pooled'), node('Relu', ['pooled'], 'y')]);
  expect(() => gramFeature(model, layer)).toThrow(reason);
});
