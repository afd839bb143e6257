import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { forAnyBatch } from '../../../shared/autodiff/any-batch.ts';
import { gradient } from '../../../shared/autodiff/gradient.ts';
import {
  float,
  float32Tensor,
  int,
  int64Tensor,
  ints,
  makeNode,
  type Model,
  type Node,
  type Tensor as OnnxTensor,
} from '../../../shared/onnx/ir.ts';
import { normalise } from '../../../shared/onnx/normalise.ts';
import { readModel } from '../../../shared/onnx/read.ts';
import { validateModel } from '../../../shared/onnx/validate.ts';
import { runModel } from '../onnx/run-model.ts';

const DEMO = path.resolve(import.meta.dirname, '../../../models-manifest/demo');

/** A graph of one input x [batch, 4, 6] and one output y. */
function modelOf(nodes: Node[], initializers: Record<string, OnnxTensor> = {}): Model {
  const x = { name: 'x', type: { dataType: 'float32' as const, dims: ['batch', 4, 6] } };
  const graph = {
    name: 'g',
    nodes,
    initializers: new Map(Object.entries(initializers)),
    inputs: [x],
    outputs: [{ name: 'y', type: { dataType: 'float32' as const } }],
    valueInfo: new Map(),
  };
  return { irVersion: 8, producer: 'test', opsets: new Map([['', 17]]), metadata: new Map(), graph };
}

const gradientOf = (model: Model, input: string, shape: readonly number[], loss: string, size: number) =>
  gradient(normalise(model, { [input]: [size, ...shape] }), { loss, inputs: [input] });

/** The gradient for any batch, beside that of each size alone. */
async function expectEverySize(model: Model, input: string, shape: readonly number[], loss: string): Promise<void> {
  const open = forAnyBatch({ symbol: 'batch', inputs: [input] }, (size) => gradientOf(model, input, shape, loss, size));
  validateModel(open);
  const name = `grad.${input}`;
  expect(open.graph.outputs.find((output) => output.name === name)?.type.dims).toEqual(['batch', ...shape]);
  for (const size of [1, 2, 7, 12]) {
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, size) }, (_, i) => Math.sin(i * 1.7 + size) * 0.9);
    const feeds = { [input]: new Tensor('float32', values, [size, ...shape]) };
    const [ours, alone] = [await runModel(open, feeds), await runModel(gradientOf(model, input, shape, loss, size), feeds)];
    expect(ours[name]!.dims).toEqual([size, ...shape]);
    const [values1, values2] = [ours, alone].map((outputs) => outputs[name]!.data as Float32Array) as [Float32Array, Float32Array];
    const largest = values2.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const error = values2.reduce((most, value, i) => Math.max(most, Math.abs(values1[i]! - value)), 0);
    expect(error, `batch ${size}`).toBeLessThanOrEqual(2e-6 * largest);
  }
}

const weight = float32Tensor(
  [6, 3],
  Array.from({ length: 18 }, (_, i) => Math.cos(i)),
);

describe('the gradient for any batch is that of each size', () => {
  const cases: [about: string, model: Model][] = [
    [
      'where nothing depends on the size',
      modelOf([makeNode('MatMul', 'm', ['x', 'w'], ['h']), makeNode('Tanh', 't', ['h'], ['y'])], { w: weight }),
    ],
    [
      'where a loss is broadcast',
      modelOf([makeNode('Mul', 's', ['x', 'x'], ['q']), makeNode('ReduceSum', 'r', ['q'], ['y'], { keepdims: int(0) })]),
    ],
    [
      'where a mean divides by the size',
      modelOf([makeNode('Mul', 's', ['x', 'x'], ['q']), makeNode('ReduceMean', 'r', ['q'], ['y'], { keepdims: int(0) })]),
    ],
    [
      'where a shape is made of the size',
      modelOf(
        [
          makeNode('Shape', 'shape', ['x'], ['shape']),
          makeNode('Gather', 'size', ['shape', 'zero'], ['size']),
          makeNode('Unsqueeze', 'u', ['size', 'axis'], ['size1']),
          makeNode('Concat', 'c', ['size1', 'rest'], ['target'], { axis: int(0) }),
          makeNode('Reshape', 'flat', ['x', 'target'], ['flat']),
          makeNode('Softmax', 'p', ['flat'], ['p'], { axis: int(1) }),
          makeNode('Mul', 'y', ['p', 'flat'], ['y']),
        ],
        { zero: int64Tensor([], [0]), axis: int64Tensor([1], [0]), rest: int64Tensor([1], [24]) },
      ),
    ],
    [
      'where batch and channels become one axis',
      modelOf(
        [
          makeNode('Shape', 'shape', ['x'], ['shape']),
          makeNode('Gather', 'size', ['shape', 'zero'], ['size']),
          makeNode('Mul', 'rows', ['size', 'four'], ['rows']),
          makeNode('Concat', 'c', ['rows', 'rest'], ['target'], { axis: int(0) }),
          makeNode('Reshape', 'flat', ['x', 'target'], ['flat']),
          makeNode('MatMul', 'm', ['flat', 'w'], ['h']),
          makeNode('LeakyRelu', 'a', ['h'], ['y'], { alpha: float(0.2) }),
        ],
        { zero: int64Tensor([1], [0]), four: int64Tensor([1], [4]), rest: int64Tensor([1], [6]), w: weight },
      ),
    ],
    [
      'where a token is expanded over the batch',
      modelOf(
        [
          makeNode('Shape', 'shape', ['x'], ['shape']),
          makeNode('Gather', 'size', ['shape', 'zero'], ['size']),
          makeNode('Concat', 'c', ['size', 'rest'], ['target'], { axis: int(0) }),
          makeNode('Expand', 'token', ['class', 'target'], ['tokens']),
          makeNode('Concat', 'all', ['tokens', 'x'], ['all'], { axis: int(1) }),
          makeNode('Transpose', 't', ['all'], ['turned'], { perm: ints(0, 2, 1) }),
          makeNode('MatMul', 'y', ['all', 'turned'], ['y']),
        ],
        { zero: int64Tensor([1], [0]), rest: int64Tensor([2], [1, 6]), class: float32Tensor([1, 1, 6], [1, 2, 3, 4, 5, 6]) },
      ),
    ],
    [
      'where each row is multiplied by its number',
      modelOf(
        [
          makeNode('Shape', 'shape', ['x'], ['shape']),
          makeNode('Gather', 'size', ['shape', 'first'], ['size']),
          makeNode('Range', 'range', ['first', 'size', 'one'], ['rows']),
          makeNode('Cast', 'numbers', ['rows'], ['numbers'], { to: int(1) }),
          makeNode('Unsqueeze', 'factors', ['numbers', 'axes'], ['factors']),
          makeNode('Mul', 'y', ['x', 'factors'], ['y']),
        ],
        { first: int64Tensor([], [0]), one: int64Tensor([], [1]), axes: int64Tensor([2], [1, 2]) },
      ),
    ],
    [
      'where rows are counted in steps, as indices into a flattened batch are',
      modelOf(
        [
          makeNode('Shape', 'shape', ['x'], ['shape']),
          makeNode('Gather', 'size', ['shape', 'first'], ['size']),
          makeNode('Range', 'range', ['first', 'size', 'one'], ['rows']),
          makeNode('Mul', 'starts', ['rows', 'length'], ['starts']),
          makeNode('Add', 'places', ['starts', 'third'], ['places']),
          makeNode('Reshape', 'flat', ['x', 'row'], ['flat']),
          makeNode('Gather', 'states', ['flat', 'places'], ['states']),
          makeNode('Mul', 'y', ['states', 'states'], ['y']),
        ],
        {
          first: int64Tensor([], [0]),
          one: int64Tensor([], [1]),
          length: int64Tensor([1], [4]),
          third: int64Tensor([1], [2]),
          row: int64Tensor([2], [-1, 6]),
        },
      ),
    ],
    [
      'where a mask of the rows is repeated sample after sample',
      modelOf(
        [
          makeNode('Shape', 'shape', ['x'], ['shape']),
          makeNode('Gather', 'size', ['shape', 'zero'], ['size']),
          makeNode('Concat', 'repeats', ['size', 'one'], ['repeats'], { axis: int(0) }),
          makeNode('Tile', 'masks', ['mask', 'repeats'], ['masks']),
          makeNode('Reshape', 'flat', ['x', 'row'], ['flat']),
          makeNode('Add', 'masked', ['flat', 'masks'], ['masked']),
          makeNode('Softmax', 'p', ['masked'], ['p'], { axis: int(1) }),
          makeNode('Mul', 'y', ['p', 'flat'], ['y']),
        ],
        {
          zero: int64Tensor([1], [0]),
          one: int64Tensor([1], [1]),
          row: int64Tensor([2], [-1, 6]),
          mask: float32Tensor(
            [4, 6],
            Array.from({ length: 24 }, (_, i) => (i % 6 > i / 6 + 1 ? -Infinity : 0)),
          ),
        },
      ),
    ],
  ];
  it.each(cases)('%s', async (_, model) => {
    await expectEverySize(model, 'x', [4, 6], 'y');
  });

  it.each([
    ['image_encoder_clip', 'image_embeds'],
    ['image_encoder_dino', 'features'],
  ])('of a vision transformer as exported: %s', async (folder, loss) => {
    const file = path.join(DEMO, folder, 'model.onnx');
    await expectEverySize(readModel(await readFile(file), file), 'pixel_values', [3, 64, 64], loss);
  });
});

describe('is refused, naming the node,', () => {
  const refusal = (model: (size: number) => Model) => () => forAnyBatch({ symbol: 'batch', inputs: ['x'] }, model);

  it('where the graph is another for another size', () => {
    const model = (size: number) => modelOf([makeNode(size > 6 ? 'Exp' : 'Tanh', '/layer', ['x'], ['y'])]);
    expect(refusal(model)).toThrowError(
      expect.objectContaining({
        code: 'graph_unsupported',
        message: expect.stringMatching(/node \/layer \(Tanh\) is another .*fix the size of batch/),
      }),
    );
  });

  it('where a constant is no line over the size', () => {
    const model = (size: number) => modelOf([makeNode('Mul', '/layer', ['x', 'c'], ['y'])], { c: float32Tensor([1], [size ** 2]) });
    expect(refusal(model)).toThrowError(
      expect.objectContaining({ message: expect.stringMatching(/node \/layer \(Mul\) reads c, .*fix the size of batch/) }),
    );
  });
});
